# The options of an opencode.json, by theme. Keys, types and enums are those of opencode 1.18; what is newer passes as it is.
{ lib, ... }:
{
  imports = [
    ./agents.nix
    ./interface.nix
    ./limits.nix
    ./mcp.nix
    ./providers.nix
    ./scalars.nix
    ./tools.nix
  ]
  ++ lib.mapAttrsToList (alias: key: lib.mkAliasOptionModule [ alias ] [ key ]) (import ./aliases.nix);

  freeformType = lib.types.attrsOf (import ./types.nix { inherit lib; }).json;
}
