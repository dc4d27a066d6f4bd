# Names of instances, and the accounts they run as.
{ lib, text, tables }:
name: spec:
let
  inherit (text) quote items single;
  length = lib.stringLength name;
  about = what: fix: {
    field = "";
    inherit what fix;
  };
  isName = builtins.match "[a-z]([a-z0-9-]*[a-z0-9])?" name != null;
  ownUser = spec.user == "opencode-${name}";
  accounts =
    single "user" spec.user
    ++ single "group" (if spec.group == spec.user then null else spec.group)
    ++ items "extraGroups" spec.extraGroups;
in
(
  if !isName then
    [
      (about "${quote name} is not a name for an instance"
        ''write a-z, 0-9 and "-", with a letter first and no "-" last''
      )
    ]
  else
    lib.optional (length > 63) (about "the name has ${toString length} characters" "write 63 at most")
    ++ lib.optional (length <= 63 && ownUser && length > 22) (
      about "the user name made from it, ${quote spec.user}, has ${toString (length + 9)} characters; 31 is the limit"
        ''shorten the name to 22 characters, or set "user"''
    )
    ++ map ({ because, ... }: about "the name ${because}" "choose another name") (
      lib.filter ({ matches, ... }: builtins.match "(${matches})" name != null) tables.reservedNames
    )
)
++ map
  (
    { field, value }:
    {
      inherit field;
      what = "${quote value} ${tables.accounts.${value}}";
      fix = "write an account made for this instance, or leave it out";
    }
  )
  (lib.filter ({ value, ... }: tables.accounts ? ${value}) accounts)
