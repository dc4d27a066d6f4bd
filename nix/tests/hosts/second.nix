# The second generation: one instance as it was, one with another environment, one with another allow-list, one gone, one
# disabled, one new, and one that cannot start.
{ lib, ... }:
{
  imports = [ ./generations/common.nix ];
  services.opencode = {
    defaults.environment.GENERATION = "second";
    instances = {
      policy.networkIsolation.outboundAllowCidrs = lib.mkForce [ "198.51.100.0/24" ];
      disabled.enable = false;
      added = {
        directory = "/srv/added";
        listen.port = 7106;
      };
      broken = {
        directory = "/srv/broken";
        listen.port = 7107;
        preInitScript = "exit 3";
      };
    };
  };
}
