# How important a definition is that has mkDefault, mkForce, mkIf, … only inside: as much as its most important part. As
# in the module system the lower number wins.
{ lib }:
let
  usual = lib.modules.defaultOverridePriority;
  least = (lib.mkOptionDefault null).priority;
  most = lib.foldl' (found: value: lib.min found (priorityOf value)) least;

  byKind = {
    "if" = { condition, content, ... }: if condition then priorityOf content else least;
    merge = { contents, ... }: most contents;
    order = { content, ... }: priorityOf content;
    override = { priority, ... }: priority;
  };

  priorityOf =
    value:
    if !lib.isAttrs value || value == { } || value ? outPath then
      usual
    else
      (byKind.${value._type or ""} or (_: most (lib.attrValues value))) value;
in
priorityOf
