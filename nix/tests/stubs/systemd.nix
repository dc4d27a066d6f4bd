# systemd.services, and the text of a unit as NixOS writes it.
{
  lib,
  pkgs,
  config,
  ...
}:
let
  inherit (lib) mkOption types;
  strings = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  flag =
    default:
    mkOption {
      type = types.bool;
      inherit default;
    };

  # Lists of one priority are joined; what is not a list has to be the same everywhere.
  directive = lib.mkOptionType {
    name = "systemd directive";
    merge =
      location: definitions:
      if lib.any (definition: lib.isList definition.value) definitions then
        lib.concatMap (definition: lib.toList definition.value) definitions
      else
        lib.mergeEqualOption location definitions;
  };

  service = {
    options = {
      overrideStrategy = mkOption {
        type = types.enum [
          "asDropinIfExists"
          "asDropin"
        ];
        default = "asDropinIfExists";
      };
      restartIfChanged = flag true;
      stopIfChanged = flag true;
      reloadTriggers = mkOption {
        type = types.listOf types.anything;
        default = [ ];
      };
      partOf = strings;
      wantedBy = strings;
      path = mkOption {
        type = types.listOf (types.either types.package types.str);
        default = [ ];
      };
      environment = mkOption {
        type = types.attrsOf (types.nullOr types.str);
        default = { };
      };
      serviceConfig = mkOption {
        type = types.attrsOf directive;
        default = { };
      };
    };
  };
  usual = [
    pkgs.coreutils
    pkgs.findutils
    pkgs.gnugrep
    pkgs.gnused
    pkgs.systemd
  ];
  show = value: if lib.isBool value then lib.boolToString value else toString value;
  line = name: value: map (one: "${name}=${show one}\n") (lib.toList value);
  lines = attributes: lib.concatStrings (lib.concatLists (lib.mapAttrsToList line attributes));

  textOf =
    {
      path,
      environment,
      serviceConfig,
      partOf,
      restartIfChanged,
      stopIfChanged,
      reloadTriggers,
      ...
    }:
    let
      search = directory: lib.concatMapStringsSep ":" (package: "${package}/${directory}") (path ++ usual);
      variables = environment // {
        PATH = "${search "bin"}:${search "sbin"}";
      };
      switches =
        lib.optionalAttrs (!restartIfChanged) { X-RestartIfChanged = false; }
        // lib.optionalAttrs (!stopIfChanged) { X-StopIfChanged = false; }
        // lib.optionalAttrs (reloadTriggers != [ ]) { X-Reload-Triggers = map toString reloadTriggers; }
        // lib.optionalAttrs (partOf != [ ]) { PartOf = lib.concatStringsSep " " partOf; };
    in
    "[Unit]\n${lines switches}\n[Service]\n"
    + lib.concatStrings (
      lib.mapAttrsToList (
        name: value: lib.optionalString (value != null) "Environment=${builtins.toJSON "${name}=${value}"}\n"
      ) variables
    )
    + lines serviceConfig;
in
{
  options.systemd = {
    services = mkOption {
      type = types.attrsOf (types.submodule service);
      default = { };
    };
    units = mkOption {
      type = types.attrsOf types.anything;
      default = { };
    };
  };
  config.systemd.units = lib.mapAttrs' (
    name: value: lib.nameValuePair "${name}.service" { text = textOf value; }
  ) config.systemd.services;
}
