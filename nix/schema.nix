# Options from the published schema of the instance file (systemd/instances.schema.json): descriptions and defaults are
# written once, in src/spec/schema.ts.
{ lib }:
let
  file = lib.importJSON ../systemd/instances.schema.json;
  instance = file.properties.instances.patternProperties."^.*$";
  at = path: lib.foldl' (node: key: node.properties.${key}) instance (lib.splitString "." path);
in
{
  inherit instance at;

  # The option of the field at a dotted path; `extra` has its type and what else there is to say.
  field =
    path: extra:
    let
      node = at path;
      first = lib.substring 0 1 node.description;
      sentence = lib.toUpper first + lib.removePrefix first node.description;
    in
    lib.mkOption (
      { description = "${sentence}."; } // lib.optionalAttrs (node ? default) { inherit (node) default; } // extra
    );
}
