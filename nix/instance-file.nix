# An instance's options as the instance file has them: every field of the schema, from the option of the same name.
{ lib }:
let
  t = import ./types.nix { inherit lib; };
  schema = import ./schema.nix { inherit lib; };

  plain =
    value:
    if lib.isPath value || lib.isDerivation value then
      t.pathText value
    else if lib.isList value then
      map plain value
    else if lib.isAttrs value then
      lib.mapAttrs (_: plain) value
    else
      value;

  pick =
    node: options:
    lib.mapAttrs (
      key: inner: if inner ? properties then pick inner options.${key} else plain options.${key}
    ) node.properties;

  withoutDropIn = schema.instance // {
    properties = removeAttrs schema.instance.properties [ "dropIn" ];
  };
in
# `hash` is that of the texts of the instance's units, which hold its commands; null for one that has none.
options: hash:
pick withoutDropIn (
  options
  // {
    package = if options.command == null || options.origin.package then options.package else null;
    path = map (package: "${t.pathText package}/bin") options.path;
    # The file that is made from it stands in `configFile`.
    config = { };
  }
)
// {
  dropIn = if hash == null then null else { inherit hash; };
}
