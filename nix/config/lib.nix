# The type of an opencode.json, and its text. There is no other renderer.
{ lib }:
let
  inherit (lib) types;

  # A second name of an option never gets into the file.
  aliases = lib.attrNames (import ./aliases.nix);

  withoutNulls =
    value:
    if lib.isAttrs value && !lib.isDerivation value then
      lib.mapAttrs (_: withoutNulls) (lib.filterAttrs (_: inner: inner != null) value)
    else if lib.isList value then
      map withoutNulls value
    else
      value;
in
rec {
  type = types.submodule ./module.nix;

  # What is set: without nulls and second names. An empty object stays: `lsp = { }` means something.
  clean = config: withoutNulls (removeAttrs config aliases);

  # The text of the file. Without any setting it is exactly {"$schema":"https://opencode.ai/config.json"}.
  render = config: builtins.toJSON ({ "$schema" = "https://opencode.ai/config.json"; } // clean config);
}
