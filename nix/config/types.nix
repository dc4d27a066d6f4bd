# What the options of opencode.json are made of. Every option may be left out: null, and then not in the file.
{ lib }:
let
  inherit (lib) mkOption types;
in
rec {
  json =
    types.nullOr (
      types.oneOf [
        types.bool
        types.int
        types.float
        types.str
        types.path
        (types.listOf json)
        (types.attrsOf json)
      ]
    )
    // {
      description = "JSON value";
      descriptionClass = "noun";
    };

  option =
    type: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description;
    };

  # An object with these options and any other key; absent unless something is set in it.
  object =
    description: options:
    option (types.submodule {
      inherit options;
      freeformType = types.attrsOf json;
    }) description;

  # Objects by name, each with these options and any other key.
  objects =
    description: options:
    option (types.attrsOf (
      types.submodule {
        inherit options;
        freeformType = types.attrsOf json;
      }
    )) description;

  strings = types.listOf types.str;
  stringMap = types.attrsOf types.str;
  count = types.ints.unsigned;

  action = types.enum [
    "ask"
    "allow"
    "deny"
  ];
  # One action for all, or one for each pattern.
  rule = types.either action (types.attrsOf action);
  permission = types.either action (types.attrsOf rule);
}
