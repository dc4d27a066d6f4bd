# ./evaluate.nix with nixpkgs' own NixOS.
{ nixpkgs, pkgs }:
let
  inherit (nixpkgs) lib;
  # The least that a NixOS is, and that says nothing of itself.
  machine = {
    boot.isContainer = true;
    system.stateVersion = lib.trivial.release;
    nixpkgs.pkgs = pkgs;
    services.opencode.enable = lib.mkDefault true;
  };
in
{
  inherit lib pkgs;
  host =
    modules:
    let
      inherit
        (nixpkgs.lib.nixosSystem {
          modules = [
            ../module.nix
            machine
          ]
          ++ modules;
        })
        config
        ;
      failed = map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions);
    in
    if failed == [ ] then
      config
    else
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}";
}
