# `services.opencode.defaults`: what is defined there is defined once more in every instance, at a lower priority. So an
# instance's own values win option by option, what it leaves alone is inherited, and attribute sets merge however deep.
# Merging evaluated values would not do: every option's own default would count as set.
#
#   - a list of an instance replaces the list of `defaults`; one that all are to keep is `mkOverride 100 [ … ]` there,
#     which has the priority of an instance's own list, so that the two are joined
#   - mkForce, mkOverride, mkDefault keep their own priority; mkIf, mkMerge, mkBefore, mkAfter mean what they always do
{ lib }:
let
  priorityOf = import ./config/priority.nix { inherit lib; };
  inherited = (lib.mkDefault null).priority;
  isOwn = option: option.highestPrio < inherited;

  byKind = {
    "if" = value: value // { content = lower value.content; };
    merge = value: value // { contents = map lower value.contents; };
    override = value: value;
  };

  isSet = value: lib.isAttrs value && !lib.isDerivation value && !(value ? outPath) && !(value ? _type);

  lower =
    value:
    if isSet value && value != { } then
      lib.mapAttrs (_: lower) value
    else
      (byKind.${lib.optionalString (lib.isAttrs value) (value._type or "")} or lib.mkDefault) value;

  # What is no plain attribute set is a module: a function (of `name`, `config`, `lib`, …), or a file that holds one.
  asModule =
    file: module:
    if lib.isFunction module then
      {
        _file = file;
        imports = [
          (lib.setFunctionArgs (given: asModule file (module given)) (lib.functionArgs module))
        ];
      }
    else if lib.isAttrs module then
      let
        isLong = module ? config || module ? options;
      in
      lib.optionalAttrs isLong module
      // {
        _file = file;
        imports = map (asModule file) (module.imports or [ ]);
        config = lower (if isLong then module.config or { } else removeAttrs module [ "imports" ]);
      }
    else
      asModule (toString module) (import module);
in
{
  inherit lower;

  # Whether an instance sets an option itself, or a part of it.
  inherit isOwn;
  hasOwn = option: lib.any (value: priorityOf value < inherited) option.definitions;
  # For a value that follows from an option: an instance's own wins over what is inherited, and an inherited one does not.
  from = option: lib.mkOverride (if isOwn option then inherited - 1 else inherited + 1);

  # Modules for the submodule of an instance, from the option `services.opencode.defaults`. Errors name the file in
  # which the default was written.
  asModules =
    option:
    map (
      { file, value }:
      if lib.isAttrs value && !lib.isFunction value then
        {
          _file = file;
          config = lower value;
        }
      else
        asModule file value
    ) option.definitionsWithLocations;
}
