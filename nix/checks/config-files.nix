# Files projected under ~/.config/opencode/.
{ lib, text, tables }:
_name: spec:
let
  inherit (text) quote fieldOf;
  files = spec.configDirFiles;
  parentsOf =
    target:
    let
      parts = lib.splitString "/" target;
    in
    lib.genList (n: lib.concatStringsSep "/" (lib.dropEnd (n + 1) parts)) (lib.length parts - 1);
in
lib.concatMap (
  target:
  let
    field = fieldOf "configDirFiles" target;
    parents = lib.filter (path: files ? ${path}) (parentsOf target);
  in
  lib.optional (tables.configDirFiles ? ${target}) {
    inherit field;
    what = "${quote target} is put there by setup";
    fix = tables.configDirFiles.${target};
  }
  ++ lib.optional (parents != [ ]) {
    inherit field;
    what = "${quote (lib.head parents)} cannot be both a file and a directory";
    fix = "rename one of the two";
  }
) (lib.attrNames files)
