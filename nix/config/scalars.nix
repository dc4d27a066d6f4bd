# Everything else at the root of the file.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
in
{
  options = {
    logLevel = t.option (types.enum [
      "DEBUG"
      "INFO"
      "WARN"
      "ERROR"
    ]) "Log level. Of a service: `logLevel` of the instance, which wins.";
    server = t.object "Where to listen. Of a service: `listen` of the instance, which wins." {
      port = t.option (types.ints.between 1 65535) "Port.";
      hostname = t.option types.str "Address.";
      mdns = t.option types.bool "Announce the server to the local network.";
      mdnsDomain = t.option types.str "Name to announce.";
      cors = t.option t.strings "Web origins that may ask.";
    };
    share = t.option (types.enum [
      "manual"
      "auto"
      "disabled"
    ]) "Whether sessions are shared through the vendor.";
    autoshare = t.option types.bool "Older: `share = \"auto\"`.";
    autoupdate = t.option (types.either types.bool (types.enum [ "notify" ])) "Whether opencode updates itself.";
    username = t.option types.str "Name that is shown for the user.";
    enterprise = t.object "Enterprise server." { url = t.option types.str "Address."; };
  };
}
