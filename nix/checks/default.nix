# What must hold of instances beyond their types: src/spec/checks, in the same words, from the same tables. The daemon
# checks all of it once more; here a mistake ends the evaluation. A test holds the two against each other.
{ lib }:
let
  text = import ./text.nix { inherit lib; };
  tables = lib.importJSON ../../src/spec/checks/tables.json;
  parts = map (file: import file { inherit lib text tables; });
  alone = parts [
    ./identity.nix
    ./process.nix
    ./listen.nix
    ./config-files.nix
  ];
  together = parts [
    ./ports.nix
    ./paths.nix
  ];
in
# From instances as the instance file has them, by name, to texts.
instances:
let
  ofOne =
    check:
    lib.concatLists (
      lib.mapAttrsToList (
        name: spec: map (fault: fault // { instance = name; }) (check name spec)
      ) instances
    );
in
lib.unique (
  map text.format (lib.concatMap ofOne alone ++ lib.concatMap (check: check instances) together)
)
