# The options of `services.opencode`; those of an instance are in instance-options.nix.
{
  lib,
  pkgs,
  config,
  options,
  ...
}:
let
  inherit (lib) mapNullable mkOption types;
  t = import ./types.nix { inherit lib; };
  cfg = config.services.opencode;
  defaults = import ./defaults.nix { inherit lib; };
  instance = import ./instance-options.nix {
    inherit lib pkgs;
    defaultPackage = cfg.package;
  };
in
{
  options.services.opencode = {
    enable = lib.mkEnableOption "opencode servers for unattended use, each in a sandbox of its own";
    package = lib.mkPackageOption pkgs "opencode" { };
    supervisor = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
      description = "The opencode-supervisor package.";
    };
    landlockScopes = mkOption {
      type = types.bool;
      default = lib.versionAtLeast config.boot.kernelPackages.kernel.version "6.12";
      defaultText = lib.literalExpression ''lib.versionAtLeast config.boot.kernelPackages.kernel.version "6.12"'';
      description = ''
        Whether the kernel can cut instances off from abstract Unix sockets and signals of the host (Landlock, ABI 6).
        With `false`, isolated instances have no Unix sockets at all unless `sandbox.unixSockets.allow` names some.
      '';
    };
    defaults = mkOption {
      type = types.submodule [
        instance
        { _module.args.name = lib.mkForce "‹name›"; }
      ];
      default = { };
      example = {
        listen.address = "::1";
        config.model = "anthropic/claude-sonnet-4-5";
      };
      description = "What every instance inherits. What an instance sets itself wins, option by option.";
    };
    instances = mkOption {
      type = types.attrsOf (
        types.submodule ([ instance ] ++ defaults.asModules options.services.opencode.defaults)
      );
      default = { };
      example.project = {
        directory = "/srv/project";
        listen.port = 8787;
      };
      description = "The opencode servers, by name.";
    };
    monitoring = {
      enable = lib.mkEnableOption "the status API and `/metrics` on a port of 127.0.0.1, for who has the token";
      port = mkOption {
        type = t.port;
        default = 9464;
        description = "The port. No instance reaches it, with or without isolation.";
      };
      tokenFile = mkOption {
        type = types.nullOr t.secretPath;
        default = null;
        apply = mapNullable t.pathText;
        example = "/run/secrets/opencode-api-token";
        description = ''
          A file with the bearer token, 16 printable characters or more on one line. systemd hands it to the supervisor
          (`LoadCredential=`); only root has to be able to read it.
        '';
      };
      prometheus.enable = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Whether this host's `services.prometheus` reads these metrics and has the alerts that come with them. systemd hands
          it the token (`LoadCredential=`); its own user need not be able to read `tokenFile`.
        '';
      };
      grafana.enable = mkOption {
        type = types.bool;
        default = false;
        description = "Whether this host's `services.grafana` has the dashboard that comes with them.";
      };
    };
    instanceFile = mkOption {
      # Not looked into: the hashes in it follow from the units, and these from the rest of it.
      type = types.raw;
      readOnly = true;
      internal = true;
      description = "What /etc/opencode/instances.json holds.";
    };
  };
}
