# The instance files of what a page shows: of a module, or of every host of a flake. [ text ]
{
  lib ? import <nixpkgs-lib>,
  snippet,
}:
let
  evaluation = import ./evaluate.nix { inherit lib; };
  flake = snippet.outputs {
    self = flake;
    nixpkgs.lib = lib // {
      nixosSystem = { modules, ... }: evaluation.host modules;
    };
    # The evaluation has it already.
    opencode-supervisor.nixosModules.opencode = { };
  };
  hosts =
    if lib.isAttrs snippet && snippet ? outputs then
      lib.attrValues flake.nixosConfigurations
    else
      [ (evaluation.host [ snippet ]) ];
in
map (config: builtins.toJSON config.services.opencode.instanceFile) hosts
