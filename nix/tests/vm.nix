# The NixOS VM tests as far as they can be evaluated here: their scripts, and their machines with stubs of NixOS.
{
  lib ? import <nixpkgs-lib>,
}:
let
  pkgs = import ./stubs/pkgs.nix { inherit lib; };
  # What else their machines set.
  more.options = {
    specialisation = lib.mkOption { type = lib.types.anything; };
  };
  evaluated =
    machine: names:
    (lib.evalModules {
      modules = [
        ./stubs/options.nix
        more
        { _module.args = { inherit pkgs; }; }
        machine
      ]
      ++ names;
    }).config.checked;
  show =
    file:
    let
      test = import file { inherit lib; };
      config = evaluated test.nodes.machine [ ];
      specialisations = lib.optionals (config.services.opencode.instances == { }) (
        map (name: config.specialisation.${name}.configuration) [
          "first"
          "second"
        ]
      );
    in
    {
      inherit (test) name testScript;
      instances = map (lib.attrNames) (
        [ config.services.opencode.instances ]
        ++ map (extra: (evaluated test.nodes.machine [ extra ]).services.opencode.instanceFile.instances) specialisations
      );
    };
in
map show [
  ./vm/scenes.nix
  ./vm/generations.nix
]
