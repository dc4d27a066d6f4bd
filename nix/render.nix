# What the supervisor reads: /etc/opencode/instances.json, and the drop-ins of the instances' units.
{
  lib,
  pkgs,
  config,
  ...
}:
let
  cfg = config.services.opencode;
  instanceFile = import ./instance-file.nix { inherit lib; };
  units = import ./units.nix {
    inherit lib;
    inherit (cfg) supervisor landlockScopes;
    shell = pkgs.runtimeShell;
    systemdVersion = config.systemd.package.version;
  };

  textOf = unit: config.systemd.units."${unit}.service".text;
  # Where the supervisor and its Node lie: the commands begin there, and a new version alone makes them no others.
  places = [
    ''"${cfg.supervisor}/''
    ''"${lib.getExe cfg.supervisor.nodejs}"''
  ];
  # Whatever else changes in a drop-in, by our options or by others, restarts the instance.
  hashOf =
    name:
    builtins.hashString "sha256" (
      lib.replaceStrings places [ "supervisor" "node" ] (
        textOf "opencode-${name}" + textOf "opencode-${name}-setup"
      )
    );
in
{
  services.opencode.instanceFile = {
    version = 1;
    instances = lib.mapAttrs (
      name: options: instanceFile options (if options.enable then hashOf name else null)
    ) cfg.instances;
  };

  environment = lib.mkIf cfg.enable {
    etc."opencode/instances.json".source =
      pkgs.runCommand "instances.json"
        {
          file = builtins.toJSON cfg.instanceFile;
          passAsFile = [ "file" ];
          nativeBuildInputs = [ cfg.supervisor ];
        }
        ''
          opencode-supervisor validate "$filePath"
          cp "$filePath" "$out"
        '';
  };

  systemd.services = lib.mkIf cfg.enable (
    lib.mkMerge (
      lib.mapAttrsToList (
        name: options: units name cfg.instanceFile.instances.${name} options.path
      ) (lib.filterAttrs (_: options: options.enable) cfg.instances)
    )
  );
}
