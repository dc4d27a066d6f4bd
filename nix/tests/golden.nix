# What a host of hosts/ has on disk, as far as it is ours: path to text; host.json has what NixOS makes in other ways.
{
  lib ? import <nixpkgs-lib>,
  host,
  extra ? { },
}:
let
  config = (import ./evaluate.nix { inherit lib; }).host [
    (./hosts + "/${host}.nix")
    extra
  ];
  opencode = import ../config/lib.nix { inherit lib; };
  cfg = config.services.opencode;
  generated = lib.filterAttrs (_: instance: !instance.origin.configFile) cfg.instances;
  ours = lib.filterAttrs (name: _: lib.hasPrefix "opencode-" name) config.systemd.units;
  rule = path: { d, ... }: "d ${path} ${d.mode} ${d.user} ${d.group}\n";
in
{
  "etc/opencode/instances.json" = builtins.toJSON cfg.instanceFile;
  "etc/tmpfiles.d/opencode.conf" = lib.concatStrings (
    lib.mapAttrsToList rule (config.systemd.tmpfiles.settings.opencode or { })
  );
  "host.json" = builtins.toJSON ({
    inherit (config.users) users groups;
    inherit (config.networking.firewall) allowedTCPPorts;
    inherit (config) warnings;
    targets = config.systemd.targets;
  }
  // lib.optionalAttrs (cfg.enable && cfg.monitoring.prometheus.enable) {
    prometheus = {
      inherit (config.services.prometheus) scrapeConfigs ruleFiles checkConfig;
      inherit (config.systemd.services.prometheus.serviceConfig) LoadCredential;
    };
  }
  // lib.optionalAttrs (cfg.enable && cfg.monitoring.grafana.enable) {
    grafana = config.services.grafana.provision;
  });
}
// lib.mapAttrs' (
  name: unit: lib.nameValuePair "etc/systemd/system/${name}.d/overrides.conf" unit.text
) ours
// lib.mapAttrs' (
  _: instance: lib.nameValuePair (lib.removePrefix "/" instance.configFile) (opencode.render instance.config)
) generated
