# The types of the options: what src/spec/formats.ts asks of the instance file. A type's description is what the error
# of a value that does not fit says, so each description tells what to write.
{ lib }:
let
  inherit (lib) types;
  address = import ./address.nix { inherit lib; };

  described =
    name: description: type:
    type
    // {
      inherit name description;
      descriptionClass = "noun";
    };
  text =
    name: description: fits:
    described name description (types.addCheck types.str fits);
  matching = pattern: value: builtins.match pattern value != null;

  has = pattern: value: lib.length (builtins.split pattern value) > 1;
  withoutTabs = builtins.replaceStrings [ "\t" ] [ "" ];

  # Without ".", "..", "//" and a slash at the end.
  isTidyPath =
    path:
    let
      parts = lib.tail (lib.splitString "/" path);
      isPlain = part: !lib.elem part [ "" "." ".." ] && lib.stringLength part <= 255;
    in
    lib.hasPrefix "/" path
    && lib.stringLength path <= 4095
    && lib.length parts <= 127
    && !has "[[:cntrl:]]" path
    && (path == "/" || lib.all isPlain parts);

  # And of characters that systemd can bind.
  isPlainPath = path: isTidyPath path && !has "[[:space:]:\"'\\]" path;

  # A link that setup makes: nothing binds it.
  isRelativePath = path: path != "" && !lib.hasPrefix "/" path && isTidyPath "/${path}";

  isInStore = path: lib.hasPrefix "${builtins.storeDir}/" (toString path);

  pathType =
    name: description: fits:
    lib.mkOptionType {
      inherit name description;
      descriptionClass = "noun";
      check = value: lib.isStringLike value && isPlainPath (toString value) && fits value;
      merge = lib.mergeEqualOption;
    };

  keyed =
    keys: isKey: values:
    described "attrsOf" "attribute set of ${values.description}, by ${keys}" (
      types.addCheck (types.attrsOf values) (value: lib.all isKey (lib.attrNames value))
    );
in
rec {
  # A path as text. What is in the store already is copied there by itself, so that it is part of the system; everything
  # else is named as it stands: a secret never gets into the store.
  pathText = path: if lib.isPath path && isInStore path then "${path}" else toString path;

  # Of an option that is gone.
  nothing =
    description:
    lib.mkOptionType {
      name = "nothing";
      inherit description;
      check = value: value == [ ];
    };

  port = described "port" "whole number from 1 to 65535 (a port)" (types.ints.between 1 65535);

  absolutePath =
    pathType "absolutePath"
      ''absolute path without ".", "..", a "/" too many, blanks, colons, quotes or backslashes, such as "/srv/project"''
      (_: true);

  # Read by root at start: what is in the store can be read by everybody.
  secretPath =
    pathType "secretPath"
      ''absolute path outside of the Nix store, which everybody can read, such as "/run/secrets/project.env"''
      (path: !isInStore path);

  relativePaths = keyed ''relative path without "..", such as "agent/review.md"'' isRelativePath;

  ip = text "ip" ''IP address without a zone and not IPv4 in IPv6 form, such as "127.0.0.1" or "::1"'' (
    value: address.parseAddress value != null
  );

  cidr =
    text "cidr"
      ''IP address, or network with no bits set behind its prefix, such as "10.0.0.0/8" or "fd00::/8"''
      (value: address.parseCidr value != null);

  accountName =
    text "accountName"
      ''account name of a-z, 0-9, "_" and "-" that starts with a letter or "_", 31 characters at most''
      (matching "[a-z_][a-z0-9_-]{0,30}");

  size = described "size" ''number of bytes, or text such as "512M", "2G" or "50%"'' (
    types.either types.ints.positive (
      types.addCheck types.str (matching "[1-9][0-9]{0,15}[KMGT]?|([1-9][0-9]?|100)%")
    )
  );

  percentage = text "percentage" ''percentage, such as "150%"'' (matching "[1-9][0-9]{0,8}%");

  # Text that reaches a unit.
  line = text "line" "text of one line without control characters" (
    value: !has "[[:cntrl:]]" (withoutTabs value)
  );

  word = text "word" "text of one line that is not empty" (
    value: value != "" && !has "[[:cntrl:]]" (withoutTabs value)
  );

  script = text "script" "shell text of 65536 characters at most" (
    value: lib.stringLength value <= 65536
  );

  variables =
    keyed ''name of letters, digits and "_" that starts with no digit'' (matching "[A-Za-z_][A-Za-z0-9_]*")
      line;

  directives =
    let
      value = described "directive" "text of one line, a number, or true or false" (
        types.oneOf [
          line
          types.number
          types.bool
        ]
      );
    in
    keyed ''directive as in systemd.exec(5), such as "MemoryMax"'' (matching "[A-Z][A-Za-z0-9]*") (
      described "directives" "${value.description}, or a list of these" (
        types.either value (types.listOf value)
      )
    );
}
