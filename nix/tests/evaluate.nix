# A host with the module, evaluated with nixpkgs' lib and stubs of NixOS; under `nix flake check` the same tests are given
# nixpkgs' own evaluation in place of this one (see flake.nix).
{ lib }:
let
  pkgs = import ./stubs/pkgs.nix { inherit lib; };
in
{
  inherit lib pkgs;

  # From modules to the configuration, if all assertions hold.
  host =
    modules:
    (lib.evalModules {
      modules = [
        ./stubs/options.nix
        ../module.nix
        { _module.args = { inherit pkgs; }; }
        { services.opencode.enable = lib.mkDefault true; }
      ]
      ++ modules;
    }).config.checked;
}
