# One mistake of mistakes.json, made: ends in the error that an operator sees.
{
  lib ? import <nixpkgs-lib>,
  index,
  evaluate ? import ./evaluate.nix { inherit lib; },
}:
let
  inherit (evaluate) host pkgs;
  mistake = lib.elemAt (lib.importJSON ./mistakes.json) index;
  config = host [
    (mistake.host or { })
    {
      services.opencode = {
        inherit (mistake) instances;
        defaults = mistake.defaults or { };
      };
    }
    (lib.mkIf (mistake.setPackage or false) {
      services.opencode.instances = lib.mapAttrs (_: _: { package = pkgs.jq; }) mistake.instances;
    })
  ];
in
builtins.deepSeq [
  config.services.opencode.instanceFile
  config.warnings
] "no mistake"
