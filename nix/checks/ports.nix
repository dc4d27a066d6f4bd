# Ports that two enabled instances cannot both have. A disabled one may wait with the port of the one it is to replace.
{ lib, text, ... }:
instances:
let
  inherit (text) quote items;
  inherit (import ../address.nix { inherit lib; }) canonical;

  claimsOf =
    instance:
    { listen, ... }:
    let
      claim =
        { field, value }:
        {
          inherit instance field;
          port = value;
          address = canonical listen.address;
        };
      all = map claim (
        [
          {
            field = "listen.port";
            value = listen.port;
          }
        ]
        ++ items "listen.extraPorts" listen.extraPorts
      );
    in
    # Each port once, by the field that names it first.
    lib.attrValues (lib.foldr (one: found: found // { ${toString one.port} = one; }) { } all);

  isV4 = address: !lib.hasInfix ":" address;
  # `::` also takes IPv4: ipv6(7), IPV6_V6ONLY.
  covers = wide: address: wide == "::" || wide == "0.0.0.0" && isV4 address;
  overlap = a: b: a == b || covers a b || covers b a;
  clash = a: b: a.instance != b.instance && overlap a.address b.address;

  conflict = claim: rival: {
    inherit (claim) instance field;
    what = "port ${toString claim.port} on ${claim.address} is also wanted by instance ${quote rival.instance} (its ${rival.field}, on ${rival.address})";
    fix = "write a port that no other instance has";
  };

  claims = lib.concatLists (
    lib.mapAttrsToList claimsOf (lib.filterAttrs (_: spec: spec.enable) instances)
  );
in
lib.concatMap (
  group:
  lib.optionals (lib.length group > 1) (
    lib.concatMap (claim: map (conflict claim) (lib.filter (clash claim) group)) group
  )
) (lib.attrValues (lib.groupBy (claim: toString claim.port) claims))
