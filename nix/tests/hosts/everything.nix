# Every option set to something, as far as they go together.
{ pkgs, ... }:
{
  services.opencode.monitoring = {
    enable = true;
    tokenFile = "/run/secrets/opencode-api-token";
    prometheus.enable = true;
    grafana.enable = true;
  };
  services.prometheus.enable = true;
  services.grafana.enable = true;
  services.opencode.instances = {
    all = {
      directory = "/srv/all";
      stateDir = "/srv/state/all";
      extraGroups = [ "audio" ];
      listen = {
        address = "0.0.0.0";
        port = 8787;
        extraPorts = [ 3000 ];
        allowFrom = [ "192.168.1.0/24" ];
      };
      openFirewall = true;
      passwordFile = "/run/secrets/all.password";
      environment = {
        OPENCODE_FOO = "bar";
        ODD = ''a "b" %n $HOME \ '';
      };
      environmentFile = "/run/secrets/all.env";
      path = [
        pkgs.jq
        "/opt/tools"
      ];
      extraArgs = [ "--pure" ];
      logLevel = "DEBUG";
      features = {
        share = true;
        prune = false;
      };
      limits = {
        memoryMax = "2G";
        tasksMax = 100;
        cpuQuota = "150%";
        hookTimeout = 30;
      };
      config = {
        model = "local/coder";
        agents.reviewer = {
          mode = "subagent";
          prompt = "Review.";
        };
      };
      configDirFiles."agent/review.md" = "/srv/reference/review.md";
      configDirFiles."skills/What's new/SKILL.md" = "/srv/reference/review.md";
      preInitScript = "echo \"before 100%\"";
      postInitScript = "echo after";
      sandbox = {
        readWritePaths = [ "/srv/shared" ];
        readOnlyPaths = [
          "/srv/reference"
          "/sys"
        ];
        unixSockets.allow = [ "/run/postgresql/.s.PGSQL.5432" ];
        serviceConfig = {
          OOMScoreAdjust = 500;
          Restart = "always";
          SystemCallFilter = [
            ""
            "@system-service"
          ];
        };
      };
      networkIsolation = {
        enable = true;
        mode = "audit";
        outboundAllowCidrs = [
          "192.0.2.0/24"
          "2001:db8::/32"
        ];
        dns = [ "192.168.1.1" ];
        allowLoopbackPorts = [ 5432 ];
        logging = {
          ratePerMinute = 10;
          burst = 20;
        };
      };
    };
    another-user = {
      directory = "/srv/another";
      listen.port = 8788;
      user = "dev";
      group = "users";
      command = [
        "/opt/opencode/bin/opencode"
        "--flag"
      ];
      configFile = "/run/secrets/opencode.json";
    };
    off = {
      enable = false;
      directory = "/srv/off";
      listen.port = 8787;
    };
  };
}
