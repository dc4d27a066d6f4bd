# Every place where an instance names a path of the host: write and state are bound read-write (state is private to the
# instance), share and config read-only, secret is read by root and not bound.
{ lib, text, ... }:
let
  inherit (text) items single fieldOf;
in
instance: spec:
let
  use =
    kind:
    map (
      { field, value }:
      {
        inherit instance field kind;
        path = value;
      }
    );
  program = lib.optionals (spec.command != null) (lib.take 1 spec.command);
in
lib.concatLists [
  (use "write" (single "directory" spec.directory))
  (use "state" (single "stateDir" spec.stateDir))
  (use "write" (items "sandbox.readWritePaths" spec.sandbox.readWritePaths))
  (use "share" (items "sandbox.readOnlyPaths" spec.sandbox.readOnlyPaths))
  (use "share" (items "sandbox.unixSockets.allow" spec.sandbox.unixSockets.allow))
  (use "share" (single "package" spec.package))
  (use "config" (single "configFile" spec.configFile))
  (use "config" (
    lib.mapAttrsToList (target: value: {
      field = fieldOf "configDirFiles" target;
      inherit value;
    }) spec.configDirFiles
  ))
  (use "secret" (single "passwordFile" spec.passwordFile))
  (use "secret" (single "environmentFile" spec.environmentFile))
  (use "share" (items "path" spec.path))
  (use "share" (items "command" (lib.filter (lib.hasPrefix "/") program)))
]
