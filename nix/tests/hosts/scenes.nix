# The host of the scenes (../scenes/*.sh), which run alike on a NixOS VM and on a disposable machine: two projects whose
# servers do what is asked of them, one that is isolated, one whose setup fails.
{ pkgs, ... }:
{
  services.opencode = {
    defaults = {
      command = [
        "/bin/sh"
        "./serve"
      ];
      path = [
        pkgs.bash
        pkgs.coreutils
      ];
      postInitScript = "echo post >> ~/order";
    };
    instances = {
      alpha = {
        directory = "/srv/alpha";
        listen.port = 7201;
        preInitScript = "echo pre >> ~/order";
        environment = {
          OPENCODE_FOO = "bar";
          API_BASE = "https://sample";
        };
        environmentFile = "/run/secrets/alpha.env";
        config.model = "local/coder";
        configDirFiles."agent/review.md" = "/srv/reference/review.md";
        sandbox = {
          readWritePaths = [ "/srv/shared" ];
          readOnlyPaths = [ "/srv/reference" ];
          unixSockets.allow = [ "/run/allowed.sock" ];
        };
      };
      beta = {
        directory = "/srv/beta";
        listen.port = 7202;
        networkIsolation = {
          enable = true;
          dns = [ ];
          outboundAllowCidrs = [ "192.0.2.0/25" ];
        };
      };
      broken = {
        directory = "/srv/broken";
        listen.port = 7203;
        preInitScript = "exit 3";
      };
    };
  };
}
