# One server for one project.
{
  services.opencode = {
    enable = true;
    instances.project = {
      directory = "/srv/project";
      listen.port = 8787;
    };
  };
}
