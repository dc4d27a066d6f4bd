# What instances need of the host: the supervisor, accounts, state directories elsewhere than in the default place, and
# ports in the firewall.
{
  lib,
  pkgs,
  config,
  ...
}:
let
  cfg = config.services.opencode;
  enabled = lib.filterAttrs (_: instance: instance.enable) cfg.instances;
  eachIn = instances: f: lib.mkMerge (lib.mapAttrsToList f instances);
in
{
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.supervisor ];
    systemd = {
      # opencode-supervisor.service, opencode.target, opencode.slice
      packages = [ cfg.supervisor ];
      tmpfiles.packages = [ cfg.supervisor ];
      targets.opencode.wantedBy = [ "multi-user.target" ];
      services.opencode-supervisor = {
        overrideStrategy = "asDropin";
        # For accounts that are not in /etc/passwd.
        path = [ pkgs.getent ];
        # The instances run on while it is restarted, and after a reload it has the new file in force.
        stopIfChanged = false;
        reloadTriggers = [ config.environment.etc."opencode/instances.json".source ];
      }
      // lib.optionalAttrs (cfg.monitoring.enable && cfg.monitoring.tokenFile != null) {
        environment.OPENCODE_SUPERVISOR_LISTEN = "127.0.0.1:${toString cfg.monitoring.port}";
        serviceConfig.LoadCredential = [ "api-token:${cfg.monitoring.tokenFile}" ];
      };
      tmpfiles.settings.opencode = eachIn enabled (
        name: instance:
        lib.mkIf (instance.stateDir != "/var/lib/opencode/instance-state/${name}") {
          # tmpfiles.d(5), "Specifiers"
          ${lib.replaceStrings [ "%" ] [ "%%" ] (toString instance.stateDir)}.d = {
            inherit (instance) user group;
            mode = "0700";
          };
        }
      );
    };

    users = {
      # May read the status socket.
      groups = lib.mkMerge [
        { opencode = { }; }
        (eachIn enabled (
          name: { user, group, ... }: lib.mkIf (user == "opencode-${name}" && group == user) { ${group} = { }; }
        ))
      ];
      users = eachIn enabled (
        name: instance:
        lib.mkIf (instance.user == "opencode-${name}") {
          ${instance.user} = {
            isSystemUser = true;
            inherit (instance) group;
            description = "opencode ${name}";
            home = toString instance.stateDir;
          };
        }
      );
    };

    networking.firewall.allowedTCPPorts = lib.mapAttrsToList (_: { listen, ... }: listen.port) (
      lib.filterAttrs (_: { openFirewall, ... }: openFirewall) enabled
    );
  };
}
