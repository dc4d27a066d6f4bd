# What the process is started with: program, arguments, environment, directives.
{ lib, text, tables }:
_name: spec:
let
  inherit (text) quote items;
  inherit (import ../types.nix { inherit lib; }) absolutePath;
  inherit (tables) flags variables directives;

  first = lib.head spec.command;
  program =
    lib.optional (spec.package != null) {
      field = "command";
      what = ''both "command" and "package" are set'';
      fix = "keep one of them";
    }
    ++ lib.optional (!lib.hasPrefix "/" first && lib.hasInfix "/" first) {
      field = "command[0]";
      what = "${quote first} is a relative path";
      fix = "write an absolute path, or a bare name found on PATH";
    }
    ++ lib.optional (lib.hasPrefix "/" first && !absolutePath.check first) {
      field = "command[0]";
      what = "${quote first} is no path that systemd can bind";
      fix = "write an ${absolutePath.description}";
    };

  dashed = lib.replaceStrings lib.upperChars (map (letter: "-${lib.toLower letter}") lib.upperChars);
  # --no-printLogs=x -> print-logs: yargs takes a flag in any of these spellings.
  flagName =
    arg: dashed (lib.removePrefix "no-" (lib.head (lib.splitString "=" (lib.removePrefix "--" arg))));
  flagOf =
    arg:
    let
      short = builtins.match "-([A-Za-z]).*" arg;
    in
    if short != null then
      flags.${lib.head short} or flags.prompt
    else
      flags.${lib.optionalString (lib.hasPrefix "--" arg) (flagName arg)} or null;
in
lib.optionals (spec.command != null) program
++ lib.concatMap (
  { field, value }:
  let
    flag = flagOf value;
  in
  lib.optional (flag != null) {
    inherit field;
    what = "${quote value} ${flag.because}";
    inherit (flag) fix;
  }
) (items "extraArgs" spec.extraArgs)
++ map (variable: {
  field = "environment.${variable}";
  what = "${quote variable} ${variables.${variable}.because}";
  inherit (variables.${variable}) fix;
}) (lib.filter (variable: variables ? ${variable}) (lib.attrNames spec.environment))
++ map (directive: {
  field = "sandbox.serviceConfig.${directive}";
  what = "${quote directive} is set by the supervisor";
  fix = if directives.${directive} == null then "remove it" else "write ${quote directives.${directive}}";
}) (lib.filter (directive: directives ? ${directive}) (lib.attrNames spec.sandbox.serviceConfig))
