# The first generation.
{
  imports = [ ./generations/common.nix ];
  services.opencode = {
    defaults.environment.GENERATION = "first";
    instances.removed = {
      directory = "/srv/removed";
      listen.port = 7104;
    };
  };
}
