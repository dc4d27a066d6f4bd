# What the packaged opencode (1.18) makes of a config beyond what the types say: keys that it ignores or rejects as
# warnings, mistakes in a value as errors. Both are lists of { field; what; fix; }.
{ lib }:
let
  t = import ./lib.nix { inherit lib; };
  client = {
    what = "is ignored by opencode: it belongs to the terminal client (tui.json)";
    fix = "remove it";
  };
  # Keys that have an option and no effect.
  ignored = lib.genAttrs [
    "keybinds"
    "theme"
    "tui"
  ] (_: client);

  known =
    lib.attrNames
      (lib.evalModules { modules = [ ./module.nix ]; }).options;

  unknown = key: {
    field = "config.${key}";
    what = "opencode 1.18 does not know this key and ignores it";
    fix = "check how it is written; it is passed on as it is";
  };

  lsp = config: lib.optional (config ? lsp.enabled) {
    field = "config.lsp.enabled";
    what = "is rejected by opencode: every session fails";
    fix = "write `config.lsp = true`";
  };

  server =
    name: server:
    let
      missing = key: kind: {
        field = "config.mcp.${name}.${key}";
        what = "is missing, and a ${kind} server needs it";
        fix = if key == "url" then "write its address" else "write the program and its arguments";
      };
    in
    if server.type or null == "remote" && !server ? url then
      [ (missing "url" "remote") ]
    else if server.type or null == "local" && !server ? command then
      [ (missing "command" "local") ]
    else if !server ? type && !server ? enabled then
      [
        {
          field = "config.mcp.${name}.type";
          what = "is missing";
          fix = ''write "local" or "remote"'';
        }
      ]
    else
      [ ];
in
{
  warnings =
    value:
    let
      config = t.clean value;
      keys = lib.attrNames config;
    in
    lib.concatMap (key: lib.optional (ignored ? ${key}) ({ field = "config.${key}"; } // ignored.${key})) keys
    ++ map unknown (lib.subtractLists (known ++ [ "$schema" ]) keys)
    ++ lsp config;

  errors = value: lib.concatLists (lib.mapAttrsToList server ((t.clean value).mcp or { }));
}
