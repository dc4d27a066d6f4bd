# { spec.requirement.scenario = { ok; expr; expected; }; } for scenarios.test.ts; values only where they differ.
{
  lib ? import <nixpkgs-lib>,
}:
let
  results = import ./scenarios (import ./evaluate.nix { inherit lib; });
  judge =
    { expr, expected }:
    if expr == expected then { ok = true; } else { ok = false; inherit expr expected; };
in
lib.mapAttrs (_: lib.mapAttrs (_: lib.mapAttrs (_: judge))) results
