# Ports of one instance, and who may connect.
{ lib, text, ... }:
_name: spec:
let
  inherit (text) quote items;
  inherit (import ../address.nix { inherit lib; }) isLoopback;
  inherit (spec) listen;
  ports = [
    {
      field = "listen.port";
      value = listen.port;
    }
  ]
  ++ items "listen.extraPorts" listen.extraPorts;
  repeated = lib.imap0 (
    index:
    { field, value }:
    let
      earlier = lib.filter (other: other.value == value) (lib.take index ports);
    in
    lib.optional (earlier != [ ]) {
      inherit field;
      what = "${toString value} is ${(lib.last earlier).field} already";
      fix = "remove it";
    }
  ) ports;
in
lib.concatLists repeated
++ map (
  { field, value }:
  {
    inherit field;
    what = "${quote value} is loopback, and this list is for clients beyond it";
    fix = "remove it";
  }
) (lib.filter ({ value, ... }: isLoopback value) (items "listen.allowFrom" listen.allowFrom))
