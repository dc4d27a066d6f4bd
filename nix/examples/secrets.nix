# Secrets by sops-nix (or anything else that puts files under /run/secrets): only paths are in the configuration. With
# sops-nix each of them is `config.sops.secrets.NAME.path`.
{
  services.opencode = {
    enable = true;
    instances.project = {
      directory = "/srv/project";
      listen.port = 8787;
      passwordFile = "/run/secrets/project-password";
      environmentFile = "/run/secrets/project.env";
      config.provider.anthropic.options.apiKey = "{env:ANTHROPIC_API_KEY}";
    };
  };
}
