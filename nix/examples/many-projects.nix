# Several projects with much in common: a function from a name and a port, and defaults.
{ lib, pkgs, ... }:
{
  services.opencode = {
    enable = true;
    defaults = {
      model = "anthropic/claude-sonnet-4-5";
      environmentFile = "/run/secrets/opencode.env";
      limits.memoryMax = "2G";
      # The priority of an instance's own list: the two are joined.
      path = lib.mkOverride 100 [
        pkgs.git
        pkgs.jq
      ];
      networkIsolation = {
        enable = true;
        outboundAllowCidrs = [ "192.0.2.0/24" ];
      };
    };
    instances =
      lib.mapAttrs
        (name: port: {
          directory = "/srv/${name}";
          stateDir = "/persist/opencode/${name}";
          listen = { inherit port; };
        })
        {
          api = 8801;
          docs = 8802;
          website = 8803;
        };
  };
}
