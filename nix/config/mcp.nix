# MCP servers.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
  oauth = types.submodule {
    freeformType = types.attrsOf t.json;
    options = {
      clientId = t.option types.str "Id of the client.";
      clientSecret = t.option types.str ''Secret of the client. Write "{env:NAME}" and put NAME in `environmentFile`.'';
      scope = t.option types.str "Scopes to ask for.";
      callbackPort = t.option types.port "Port of the callback.";
      redirectUri = t.option types.str "Address of the callback.";
    };
  };
in
{
  options.mcp = t.objects "MCP servers by name." {
    type = t.option (types.enum [
      "local"
      "remote"
    ]) "A program to start, or a server to ask.";
    command = t.option t.strings "local: program and arguments.";
    cwd = t.option types.str "local: directory it is started in.";
    environment = t.option t.stringMap "local: its environment.";
    url = t.option types.str "remote: address.";
    headers = t.option t.stringMap "remote: headers of the requests.";
    oauth = t.option (types.either (types.enum [ false ]) oauth) "remote: how to log in, or false.";
    enabled = t.option types.bool "Whether it is started.";
    timeout = t.option types.ints.positive "Milliseconds a request may take.";
  };
}
