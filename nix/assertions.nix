# What ends an evaluation, and what is only said: each names the instance, the option, and what to write.
{
  lib,
  config,
  ...
}:
let
  cfg = config.services.opencode;
  checks = import ./checks { inherit lib; };
  text = import ./checks/text.nix { inherit lib; };
  inherit (import ./address.nix { inherit lib; }) canonical;
  opencode = import ./config/problems.nix { inherit lib; };
  kernel = config.boot.kernelPackages.kernel.version;

  eachInstance = f: lib.concatLists (lib.mapAttrsToList f cfg.instances);
  named =
    find: name: instance:
    map (problem: text.format (problem // { instance = name; })) (find instance);

  isolated = lib.attrNames (
    lib.filterAttrs (_: instance: instance.enable && instance.networkIsolation.enable) cfg.instances
  );
  # `socket cgroupv2` in a table that is ours alone.
  noBackend =
    if lib.elem "nf_tables" config.boot.blacklistedKernelModules then
      {
        what = "is on, and boot.blacklistedKernelModules has nf_tables: nothing can enforce it";
        fix = "allow nf_tables, or switch it off";
      }
    else if lib.versionOlder kernel "6.6" then
      {
        what = "is on, and Linux ${kernel} cannot enforce it";
        fix = "use Linux 6.6 or later, or switch it off";
      }
    else
      null;

  isHere =
    address:
    lib.elem (canonical address) [
      "127.0.0.1"
      "0.0.0.0"
      "::"
    ];
  # Where Prometheus brings its token: no agent may have that port.
  tokenTaken = lib.optionals cfg.monitoring.enable (
    eachInstance (
      instance:
      { enable, listen, ... }:
      map
        (
          { field, ... }:
          text.format {
            inherit instance field;
            what = "is ${toString cfg.monitoring.port}, the port of services.opencode.monitoring";
            fix = "write another port, here or in monitoring.port";
          }
        )
        (
          lib.filter ({ value, ... }: enable && isHere listen.address && value == cfg.monitoring.port) (
            [
              {
                field = "listen.port";
                value = listen.port;
              }
            ]
            ++ text.items "listen.extraPorts" listen.extraPorts
          )
        )
    )
  );

  host =
    lib.optional (lib.versionOlder config.systemd.package.version "254") (
      text.format {
        instance = "services.opencode";
        field = "";
        what = "systemd ${config.systemd.package.version} is too old";
        fix = "use systemd 254 or later";
      }
    )
    ++ lib.optional (cfg.monitoring.enable && cfg.monitoring.tokenFile == null) (
      text.format {
        instance = "services.opencode";
        field = "monitoring.tokenFile";
        what = "is not set";
        fix = ''write the path of a file with a token, such as "/run/secrets/opencode-api-token"'';
      }
    )
    ++ lib.concatMap (
      program:
      lib.optionals cfg.monitoring.${program}.enable (
        lib.optional (!cfg.monitoring.enable) (
          text.format {
            instance = "services.opencode";
            field = "monitoring.${program}.enable";
            what = "is on, and monitoring.enable is not: there is nothing to show";
            fix = "write monitoring.enable = true";
          }
        )
        ++ lib.optional (!config.services.${program}.enable) (
          text.format {
            instance = "services.opencode";
            field = "monitoring.${program}.enable";
            what = "is on, and services.${program}.enable is not";
            fix = "write services.${program}.enable = true";
          }
        )
      )
    ) [ "prometheus" "grafana" ]
    ++ lib.optionals (noBackend != null) (
      map (
        instance: text.format (noBackend // { inherit instance; field = "networkIsolation.enable"; })
      ) isolated
    );

  removed = eachInstance (_: { opencodeCfg, ... }: opencodeCfg);
in
{
  config = lib.mkIf cfg.enable {
    assertions = map (message: {
      assertion = false;
      inherit message;
    }) (
      removed
      ++ checks cfg.instanceFile.instances
      ++ eachInstance (
        named ({ origin, config, ... }: lib.optionals (!origin.configFile) (opencode.errors config))
      )
      ++ tokenTaken
      ++ host
    );

    warnings =
      eachInstance (
        named (
          { origin, ... }:
          lib.optional (origin.configFile && origin.config) {
            field = "configFile";
            what = "is set, and `config` as well, which is ignored then";
            fix = "keep one of them";
          }
        )
      )
      ++ eachInstance (
        named (
          { origin, config, ... }: lib.optionals (!origin.configFile) (opencode.warnings config)
        )
      );
  };
}
