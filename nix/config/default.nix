# opencode.json as options below `opencode.`: for evaluating a config by itself (see mkOpencodeConfig in ../lib.nix). What
# an instance has under `config.` is the same submodule.
{ lib, ... }:
{
  options.opencode = lib.mkOption {
    inherit (import ./lib.nix { inherit lib; }) type;
    default = { };
    description = "opencode.json. Typed for what opencode 1.18 knows; any other key is passed on as it is.";
  };
}
