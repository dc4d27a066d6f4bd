# What the options of opencode.json are made of. Every option may be left out: null, and then not in the file.
{ lib }:
let
  inherit (lib) mkOption types;
  priorityOf = import ./priority.nix { inherit lib; };

  # An object and a value of another kind cannot be merged: the more important one stands. `lsp = false` of an instance
  # wins over `lsp.nixd = { … }` of `defaults`, in which only what is inside has a lower priority.
  ofOneKind =
    type:
    type
    // {
      merge =
        location: definitions:
        let
          isObject = definition: lib.isAttrs definition.value;
          priority = definition: priorityOf definition.value;
          winning = lib.foldl' lib.min (priority (lib.head definitions)) (map priority definitions);
          isMixed = lib.any isObject definitions && !lib.all isObject definitions;
        in
        type.merge location (
          if isMixed then lib.filter (one: priority one == winning) definitions else definitions
        );
      substSubModules = modules: ofOneKind (type.substSubModules modules);
    };
in
rec {
  json =
    ofOneKind (
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
    )
    // {
      description = "JSON value";
      descriptionClass = "noun";
    };

  option =
    type: description:
    mkOption {
      type = ofOneKind (types.nullOr type);
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
  rule = ofOneKind (types.either action (types.attrsOf action));
  permission = types.either action (types.attrsOf rule);
}
