# What two generations of one host have in common; the machine tests switch between them. What an instance runs is a script
# in its project: it says what it sees, and waits.
{ lib, pkgs, ... }:
{
  services.opencode = {
    defaults = {
      command = [
        "/bin/sh"
        "./serve"
      ];
    };
    instances =
      lib.mapAttrs
        (
          name: extra:
          lib.mkMerge [
            {
              directory = "/srv/${name}";
              listen.port = extra.port;
            }
            (removeAttrs extra [ "port" ])
          ]
        )
        {
          same = {
            port = 7101;
            environment = {
              GENERATION = lib.mkForce "same";
              API_BASE = "https://sample";
            };
            environmentFile = "/run/secrets/same.env";
            # As they are: no variable, no specifier, no quote means anything.
            extraArgs = [
              "--cors"
              "%n $HOME \${HOME} \"x\" 'y' \\ ;"
              ";"
            ];
            path = [ pkgs.jq ];
            preInitScript = "echo pre >> ~/order";
            postInitScript = "test -L ~/.config/opencode/opencode.json && echo post >> ~/order";
          };
          changed.port = 7102;
          policy = {
            port = 7103;
            environment.GENERATION = lib.mkForce "same";
            networkIsolation = {
              enable = true;
              outboundAllowCidrs = [ "192.0.2.0/25" ];
            };
          };
          disabled.port = 7105;
        };
  };
}
