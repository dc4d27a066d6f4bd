# How values are named in what a check says: src/spec/text.ts.
{ lib }:
let
  shown = text: lib.replaceStrings [ "\t" ] [ "\\u0009" ] text;
in
rec {
  quote =
    text: if lib.stringLength text > 60 then "\"${shown (lib.substring 0 60 text)}…\"" else "\"${shown text}\"";

  # configDirFiles, "agent/a.md" -> configDirFiles."agent/a.md"
  fieldOf =
    field: key:
    "${field}.${if builtins.match "[A-Za-z0-9_-]{1,60}" key != null then key else quote key}";

  # [ { field; value; } ] of a list option.
  items =
    field:
    lib.imap0 (
      index: value: {
        field = "${field}[${toString index}]";
        inherit value;
      }
    );

  # The same of an option that may be null.
  single = field: value: lib.optional (value != null) { inherit field value; };

  # instance: field: what; fix
  format =
    { instance, field, what, fix }:
    lib.concatStringsSep ": " (lib.filter (part: part != "") [ instance field "${what}; ${fix}" ]);
}
