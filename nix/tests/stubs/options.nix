# The options of NixOS that the module defines something in, as far as it does: for evaluation with nixpkgs' lib alone.
{
  lib,
  pkgs,
  config,
  ...
}:
let
  inherit (lib) mkOption types;
  anything =
    default:
    mkOption {
      type = types.anything;
      inherit default;
    };
  strings = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  packages = mkOption {
    type = types.listOf types.package;
    default = [ ];
  };
  attributes = mkOption {
    type = types.attrsOf types.anything;
    default = { };
  };
in
{
  imports = [ ./systemd.nix ];
  options = {
    assertions = mkOption {
      type = types.listOf types.anything;
      default = [ ];
    };
    warnings = strings;
    environment = {
      systemPackages = packages;
      etc = mkOption {
        type = types.attrsOf (
          types.submodule {
            options.source = mkOption { type = types.path; };
          }
        );
        default = { };
      };
    };
    users = {
      users = attributes;
      groups = attributes;
    };
    services = {
      prometheus = {
        enable = anything false;
        scrapeConfigs = mkOption {
          type = types.listOf types.anything;
          default = [ ];
        };
        ruleFiles = mkOption {
          type = types.listOf types.path;
          default = [ ];
        };
        checkConfig = anything true;
      };
      grafana = {
        enable = anything false;
        provision = attributes;
      };
    };
    networking.firewall.allowedTCPPorts = mkOption {
      type = types.listOf types.port;
      default = [ ];
    };
    boot = {
      kernelPackages = anything pkgs.linuxPackages;
      blacklistedKernelModules = strings;
    };
    systemd = {
      package = anything pkgs.systemd;
      inherit packages;
      targets = attributes;
      tmpfiles = {
        inherit packages;
        settings = attributes;
      };
    };
    # What NixOS makes of failed assertions and warnings.
    checked = mkOption {
      internal = true;
      default =
        let
          failed = map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions);
        in
        if failed == [ ] then
          config
        else
          throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}";
    };
  };
}
