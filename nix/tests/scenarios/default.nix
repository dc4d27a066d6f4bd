# The requirements, requirement by requirement: each scenario that an evaluation can show, by its name, as { expr; expected; }.
# `host` makes a configuration from modules (../evaluate.nix, or nixpkgs' own).
{
  lib,
  pkgs,
  host,
}:
let
  tools = rec {
    inherit lib pkgs host;
    # A host with these instances.
    hostOf = instances: host [ { services.opencode.instances = instances; } ];
    withDefaults = defaults: instances: host [ { services.opencode = { inherit defaults instances; }; } ];
    # The least an instance needs.
    least = {
      directory = "/srv/my-project";
      listen.port = 8787;
    };
    serviceOf = name: config: config.systemd.services.${name};
    fileOf = name: config: config.services.opencode.instanceFile.instances.${name};
    # The opencode.json that is made for an instance: what is in the file that its configFile names.
    jsonOf = name: config: builtins.fromJSON (textOf name config);
    textOf =
      name: config:
      (import ../../config/lib.nix { inherit lib; }).render config.services.opencode.instances.${name}.config;
    # What setup is told: home, directory, config, files.
    setupInputOf =
      name: config:
      let
        command = lib.last (serviceOf "opencode-${name}-setup" config).serviceConfig.ExecStart;
        argument = lib.last (lib.splitString "/main.js\" " command);
      in
      builtins.fromJSON (builtins.fromJSON argument);
    isGenerated = path: lib.hasPrefix builtins.storeDir path && lib.hasSuffix ".json" path;
    # Whether evaluation ends in an error.
    fails = value: !(builtins.tryEval (builtins.deepSeq value true)).success;
    schema = "https://opencode.ai/config.json";
  };
in
lib.genAttrs [
  "multi-instance-service"
  "instance-config"
  "instance-environment"
  "defaults"
  "flake"
] (name: import (./. + "/${name}.nix") tools)
