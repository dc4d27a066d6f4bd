# Prometheus and Grafana of this host, wired to the listener that host.nix opens. The token is in neither's configuration.
{ lib, config, ... }:
let
  cfg = config.services.opencode;
  inherit (cfg.monitoring) prometheus grafana;
  on = cfg.enable && cfg.monitoring.enable && cfg.monitoring.tokenFile != null;
  shipped = "${cfg.supervisor}/share/opencode-supervisor/monitoring";
  credential = "opencode-api-token";
in
{
  config = lib.mkMerge [
    (lib.mkIf (on && prometheus.enable) {
      services.prometheus = {
        scrapeConfigs = [
          {
            # The alerts name it.
            job_name = "opencode";
            # `instance` is the name of an opencode instance, and not where it was asked.
            honor_labels = true;
            authorization.credentials_file = "/run/credentials/prometheus.service/${credential}";
            static_configs = [ { targets = [ "127.0.0.1:${toString cfg.monitoring.port}" ]; } ];
          }
        ];
        ruleFiles = [ "${shipped}/alerts.yml" ];
        # The credential is not there when the system is built.
        checkConfig = lib.mkDefault "syntax-only";
      };
      systemd.services.prometheus.serviceConfig.LoadCredential = [
        "${credential}:${cfg.monitoring.tokenFile}"
      ];
    })
    (lib.mkIf (on && grafana.enable) {
      services.grafana.provision = {
        enable = true;
        dashboards.settings.providers = [
          {
            name = "opencode";
            options.path = "${shipped}/dashboard.json";
          }
        ];
      };
    })
  ];
}
