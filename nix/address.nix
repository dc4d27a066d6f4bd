# IP addresses and CIDRs as src/spec/address.ts reads them: one spelling of each meaning, no zone, no IPv4 in IPv6 form.
# An address is { bits; bytes; } with the bytes as numbers; whatever does not fit is null.
{ lib }:
let
  inherit (lib)
    concatLists
    elemAt
    foldl'
    genList
    hasInfix
    length
    splitString
    toInt
    ;

  # A number from 0 to `most` without leading zeros; null for any other text.
  number =
    most: text:
    if builtins.match "0|[1-9][0-9]{0,2}" text != null && toInt text <= most then toInt text else null;

  parseV4 =
    text:
    let
      bytes = map (number 255) (splitString "." text);
    in
    if length bytes == 4 && !lib.elem null bytes then
      {
        bits = 32;
        inherit bytes;
      }
    else
      null;

  # "2001:db8" -> [ 8193 3512 ]; null in place of what is no group. An empty text has no groups.
  groups =
    text:
    map (
      part: if builtins.match "[0-9a-fA-F]{1,4}" part != null then lib.fromHexString part else null
    ) (if text == "" then [ ] else splitString ":" text);

  ofGroups =
    found:
    if length found == 8 && !lib.elem null found then
      {
        bits = 128;
        bytes = concatLists (
          map (group: [
            (group / 256)
            (lib.mod group 256)
          ]) found
        );
      }
    else
      null;

  # The dotted end of `::ffff:192.0.2.1` becomes two groups first.
  undotted =
    text:
    let
      parts = builtins.match "(.*:)([0-9.]+)" text;
      v4 = parseV4 (elemAt parts 1);
      group = at: lib.toHexString (elemAt v4.bytes at * 256 + elemAt v4.bytes (at + 1));
    in
    if !hasInfix "." text then
      text
    else if parts == null || v4 == null then
      "none"
    else
      "${elemAt parts 0}${group 0}:${group 2}";

  parseV6 =
    written:
    let
      halves = splitString "::" (undotted written);
      head = groups (lib.head halves);
      tail = groups (lib.last halves);
      missing = 8 - length head - length tail;
    in
    if length halves == 1 then
      ofGroups head
    else if length halves == 2 && missing > 0 then
      ofGroups (head ++ genList (_: 0) missing ++ tail)
    else
      null;

  isMapped = bytes: lib.take 12 bytes == genList (_: 0) 10 ++ [ 255 255 ];

  parseAddress =
    text:
    let
      v6 = parseV6 text;
    in
    if hasInfix ":" text then
      (if v6 == null || isMapped v6.bytes then null else v6)
    else
      parseV4 text;

  power = exponent: foldl' (product: _: product * 2) 1 (genList (_: null) exponent);

  # Whether no bit behind the prefix is set.
  isNetwork =
    prefix:
    { bytes, ... }:
    lib.all lib.id (
      lib.imap0 (
        index: byte:
        let
          kept = lib.max 0 (lib.min 8 (prefix - 8 * index));
        in
        lib.mod byte (power (8 - kept)) == 0
      ) bytes
    );

  # { bits; bytes; prefix; } or null.
  parseCidr =
    text:
    let
      parts = splitString "/" text;
      address = parseAddress (lib.head parts);
      prefix = number address.bits (elemAt parts 1);
    in
    if address == null || length parts > 2 then
      null
    else if length parts == 1 then
      address // { prefix = address.bits; }
    else if prefix == null || !isNetwork prefix address then
      null
    else
      address // { inherit prefix; };

  # RFC 5952: lower case, the first longest run of two or more zero groups as "::".
  showV6 =
    bytes:
    let
      words = genList (at: elemAt bytes (2 * at) * 256 + elemAt bytes (2 * at + 1)) 8;
      zerosFrom = at: if at < 8 && elemAt words at == 0 then 1 + zerosFrom (at + 1) else 0;
      best = foldl' (
        best: at: if zerosFrom at > best.length then { inherit at; length = zerosFrom at; } else best
      ) { at = 0; length = 1; } (lib.range 0 7);
      text = lib.concatMapStringsSep ":" (word: lib.toLower (lib.toHexString word));
    in
    if best.length < 2 then
      text words
    else
      "${text (lib.take best.at words)}::${text (lib.drop (best.at + best.length) words)}";
in
{
  inherit parseAddress parseCidr;

  # The one spelling of a valid address.
  canonical = text: if hasInfix ":" text then showV6 (parseAddress text).bytes else text;

  # Whether a valid address or CIDR lies within loopback.
  isLoopback =
    text:
    let
      cidr = parseCidr text;
    in
    if cidr.bits == 32 then
      lib.head cidr.bytes == 127 && cidr.prefix >= 8
    else
      cidr.prefix == 128 && cidr.bytes == genList (_: 0) 15 ++ [ 1 ];
}
