# Every option that an operator can set, for docs/options.md: [ { name; type; description; default; example; } ].
{
  lib ? import <nixpkgs-lib>,
}:
let
  pkgs = import ./stubs/pkgs.nix { inherit lib; };
  inherit
    (lib.evalModules {
      modules = [
        ./stubs/options.nix
        ../module.nix
        { _module.args = { inherit pkgs; }; }
      ];
    })
    options
    ;
  text = value: value.text or (lib.generators.toPretty { multiline = false; } value);
  # `defaults` has the options of an instance once more.
  isShown =
    { name, visible, internal, ... }:
    visible && !internal && !(lib.hasPrefix "services.opencode.defaults." name) && !(lib.hasInfix "._module" name);
  show = option: {
    inherit (option) name type;
    description = option.description.text or option.description;
    default = if option ? default then text option.default else null;
    example = if option ? example then text option.example else null;
  };
in
map show (lib.filter isShown (lib.optionAttrSetToDocList { services = { inherit (options.services) opencode; }; }))
