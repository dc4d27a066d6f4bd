# Two projects with one model. project-a may reach a network and nothing else; project-b is not isolated.
{
  services.opencode = {
    enable = true;
    defaults = {
      config = {
        model = "offline/scripted";
        enabled_providers = [ "offline" ];
        provider.offline = {
          npm = "@ai-sdk/openai-compatible";
          options = {
            baseURL = "http://127.0.0.1:18080/v1";
            apiKey = "none";
          };
          models.scripted = { };
        };
        permission = {
          "*" = "allow";
          external_directory = "deny";
        };
      };
    };
    instances = {
      project-a = {
        directory = "/srv/project-a";
        listen.port = 7001;
        networkIsolation = {
          enable = true;
          outboundAllowCidrs = [ "192.0.2.0/25" ];
          allowLoopbackPorts = [ 18080 ];
        };
      };
      project-b = {
        directory = "/srv/project-b";
        listen.port = 7002;
      };
    };
  };
}
