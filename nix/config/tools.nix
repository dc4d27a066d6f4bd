# Language servers, formatters, what is watched, referred to, attached.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
  # true: the built-in ones; an object: those with changes by name.
  builtin =
    what: extra: options:
    t.option (types.either types.bool (
      types.submodule {
        options = extra;
        freeformType = types.attrsOf (
          types.submodule {
            inherit options;
            freeformType = types.attrsOf t.json;
          }
        );
      }
    )) "${what}: true for the built-in ones, false for none, or an object with changes by name.";
in
{
  options = {
    lsp =
      builtin "Language servers"
        { enabled = t.option types.bool "Of older releases: write `lsp = true`."; }
        {
          disabled = t.option types.bool "Do not start it.";
          command = t.option t.strings "Program and arguments.";
          extensions = t.option t.strings "Extensions of its files.";
          env = t.option t.stringMap "Its environment.";
          initialization = t.option (types.attrsOf t.json) "What it is initialized with.";
        };
    formatter = builtin "Formatters" { } {
      disabled = t.option types.bool "Do not use it.";
      command = t.option t.strings "Program and arguments; `$FILE` stands for the file.";
      environment = t.option t.stringMap "Its environment.";
      extensions = t.option t.strings "Extensions of its files.";
    };
    watcher = t.object "What is watched for changes." {
      ignore = t.option t.strings "Patterns of what is not.";
    };
    references = t.option (types.attrsOf t.json) "Directories and repositories that agents can refer to, by name.";
    reference = t.option (types.attrsOf t.json) "Older name of `references`.";
    attachment = t.option (types.attrsOf t.json) "How attached images are treated.";
    plugin = t.option (types.listOf t.json) "Plugins: a name, or a list of name and options.";
    snapshot = t.option types.bool "Keep snapshots to undo changes with.";
    shell = t.option types.str "Shell of the bash tool.";
  };
}
