# `nix flake check`: what npm test evaluates with stubs, with nixpkgs' own nixosSystem; the examples; machines; the package.
{
  nixpkgs,
  pkgs,
  examples,
  package,
  formatter,
  source,
}:
let
  inherit (nixpkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  nixos = import ./tests/nixos.nix { inherit nixpkgs pkgs; };

  # A derivation that exists when there is nothing to complain of.
  holds =
    name: complaints:
    if complaints == [ ] then
      pkgs.emptyFile
    else
      throw "${name}:\n${lib.concatStringsSep "\n" complaints}";

  scenarios = lib.concatLists (
    lib.mapAttrsToList (
      spec: requirements:
      lib.concatLists (
        lib.mapAttrsToList (
          requirement: cases:
          lib.mapAttrsToList (
            scenario: { expr, expected }: lib.optional (expr != expected) "${spec}: ${requirement}: ${scenario}"
          ) cases
        ) requirements
      )
    ) (import ./tests/scenarios nixos)
  );

  mistakes = lib.imap0 (
    index: { title, ... }:
    let
      made = builtins.tryEval (import ./tests/mistakes.nix { inherit lib index; evaluate = nixos; });
    in
    lib.optional made.success title
  ) (lib.importJSON ./tests/mistakes.json);

  vm = file: pkgs.testers.runNixOSTest (import file { inherit lib; });
in
{
  inherit package;
  scenarios = holds "scenarios" (lib.concatLists scenarios);
  mistakes = holds "not refused" (lib.concatLists mistakes);
  format = pkgs.runCommand "format" { nativeBuildInputs = [ formatter ]; } ''
    cp -r --no-preserve=mode ${source} tree && cd tree
    treefmt --ci --tree-root . .
    touch $out
  '';
  vm-scenes = vm ./tests/vm/scenes.nix;
  vm-generations = vm ./tests/vm/generations.nix;
}
// lib.mapAttrs' (
  name: example: lib.nameValuePair "example-${name}" (nixos.host [ example ]).system.build.toplevel
) examples
