# An agent that reaches its model, its mirror and a database on this host, and nothing else. First in audit mode: it refuses
# nothing, and `opencode-supervisor status` says what it would have refused.
{
  services.opencode = {
    enable = true;
    instances.project = {
      directory = "/srv/project";
      listen.port = 8787;
      networkIsolation = {
        enable = true;
        mode = "audit";
        dns = [ "192.168.1.1" ];
        outboundAllowCidrs = [
          "192.168.1.20"
          "2001:db8:1::/48"
        ];
        allowLoopbackPorts = [ 5432 ];
      };
    };
  };
}
