# The options of one instance: a field of the instance file each, with the same name, meaning and default. What the
# instance file lacks is at the end.
{
  lib,
  pkgs,
  defaultPackage,
}:
{
  name,
  config,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (import ./schema.nix { inherit lib; }) field at instance;
  t = import ./types.nix { inherit lib; };
  opencode = import ./config/lib.nix { inherit lib; };
  inherit (import ./defaults.nix { inherit lib; }) isOwn hasOwn from;

  generated = pkgs.writeText "opencode-${name}.json" (opencode.render config.config);
  isOn =
    path: example:
    field path {
      type = types.bool;
      inherit example;
    };
  number = path: field path { type = types.ints.between (at path).minimum (at path).maximum; };
  listOf =
    path: type: example:
    field path {
      type = types.listOf type;
      inherit example;
    };
  nullOr =
    path: type: example:
    field path {
      type = types.nullOr type;
      inherit example;
    };
in
{
  options = {
    enable = isOn "enable" false;
    package = mkOption {
      type = types.package;
      default = defaultPackage;
      defaultText = lib.literalExpression "config.services.opencode.package";
      description = "The opencode package: its `bin/opencode` is run.";
    };
    command = nullOr "command" (types.nonEmptyListOf t.word) [ "/opt/opencode/bin/opencode" ];
    directory = field "directory" {
      type = t.absolutePath;
      example = "/srv/project";
    };
    stateDir = field "stateDir" {
      type = t.absolutePath;
      default = "/var/lib/opencode/instance-state/${name}";
      defaultText = lib.literalExpression ''"/var/lib/opencode/instance-state/''${name}"'';
      description = "HOME of the instance. Elsewhere than in the default place it is made by systemd-tmpfiles.";
    };
    user = field "user" {
      type = types.nullOr t.accountName;
      apply = user: if user == null then "opencode-${name}" else user;
      defaultText = lib.literalExpression ''"opencode-''${name}"'';
      description = "User the instance runs as. The default one is made; any other is yours to declare.";
    };
    group = field "group" {
      type = types.nullOr t.accountName;
      apply = group: if group == null then config.user else group;
      defaultText = lib.literalExpression "config.user";
      description = "Primary group. It is made together with the default user.";
    };
    extraGroups = listOf "extraGroups" t.accountName [ "dialout" ];
    listen = {
      address = field "listen.address" {
        type = t.ip;
        example = "::1";
      };
      port = field "listen.port" {
        type = t.port;
        example = 8787;
      };
      extraPorts = listOf "listen.extraPorts" t.port [ 3000 ];
      allowFrom = listOf "listen.allowFrom" t.cidr [ "192.168.1.0/24" ];
    };
    openFirewall = field "openFirewall" {
      type = types.bool;
      description = "Open `listen.port`, and nothing else, in the host's firewall.";
    };
    passwordFile = nullOr "passwordFile" t.secretPath "/run/secrets/project.password";
    environment = field "environment" {
      type = t.variables;
      example.NO_COLOR = "1";
    };
    environmentFile = nullOr "environmentFile" t.secretPath "/run/secrets/project.env";
    restartOnSecretChange = isOn "restartOnSecretChange" true;
    path = field "path" {
      type = types.listOf (types.either types.package t.absolutePath);
      example = lib.literalExpression "[ pkgs.jq ]";
      description = "Packages (or directories that have a `bin`) whose programs are put first on PATH.";
    };
    extraArgs = listOf "extraArgs" t.line [ "--pure" ];
    logLevel = nullOr "logLevel" (types.enum [
      "DEBUG"
      "INFO"
      "WARN"
      "ERROR"
    ]) "WARN";
    features = lib.mapAttrs (
      feature: { default, ... }: isOn "features.${feature}" (!default)
    ) instance.properties.features.properties;
    limits = {
      memoryMax = nullOr "limits.memoryMax" t.size "2G";
      tasksMax = number "limits.tasksMax";
      cpuQuota = nullOr "limits.cpuQuota" t.percentage "150%";
      hookTimeout = number "limits.hookTimeout";
    };
    config = mkOption {
      type = opencode.type;
      default = { };
      example.model = "anthropic/claude-sonnet-4-5";
      description = "opencode.json. Typed for what the packaged opencode knows; any other key is passed on as it is.";
    };
    configFile = mkOption {
      type = types.nullOr t.absolutePath;
      default = generated;
      apply = path: if path == null then "${generated}" else t.pathText path;
      defaultText = lib.literalMD "the file made from `config`";
      example = "/run/secrets/opencode.json";
      description = "opencode.json to use as it stands, with `config` unused. `null` means the file made from `config`.";
    };
    configDirFiles = field "configDirFiles" {
      type = t.relativePaths t.absolutePath;
      apply = lib.mapAttrs (_: t.pathText);
      example = lib.literalExpression ''{ "agent/review.md" = ./review.md; }'';
      description = "Files shown under `~/.config/opencode/`: relative path to source.";
    };
    preInitScript = nullOr "preInitScript" t.script "git -C ~ init cache";
    postInitScript = nullOr "postInitScript" t.script "test -r ~/.config/opencode/opencode.json";
    sandbox = {
      readWritePaths = listOf "sandbox.readWritePaths" t.absolutePath [ "/srv/shared" ];
      readOnlyPaths = listOf "sandbox.readOnlyPaths" t.absolutePath [ "/srv/reference" ];
      unixSockets.allow = listOf "sandbox.unixSockets.allow" t.absolutePath [ "/run/postgresql/.s.PGSQL.5432" ];
      serviceConfig = field "sandbox.serviceConfig" {
        type = t.directives;
        example.Nice = 5;
      };
    };
    networkIsolation = {
      enable = isOn "networkIsolation.enable" true;
      mode = field "networkIsolation.mode" {
        type = types.enum [
          "enforce"
          "audit"
        ];
        example = "audit";
      };
      outboundAllowCidrs = listOf "networkIsolation.outboundAllowCidrs" t.cidr [ "192.0.2.0/24" ];
      dns = nullOr "networkIsolation.dns" (types.listOf t.ip) [ "192.168.1.1" ];
      allowLoopbackPorts = listOf "networkIsolation.allowLoopbackPorts" t.port [ 5432 ];
      connectionsMax = number "networkIsolation.connectionsMax";
      logging = {
        ratePerMinute = number "networkIsolation.logging.ratePerMinute";
        burst = number "networkIsolation.logging.burst";
        summarySeconds = number "networkIsolation.logging.summarySeconds";
        mute = listOf "networkIsolation.logging.mute" t.cidr [ "224.0.0.251" ];
      };
    };

    # Not in the instance file.
    model = mkOption {
      type = types.nullOr t.word;
      default = null;
      example = "anthropic/claude-sonnet-4-5";
      description = "Model to use: `config.model`. Without a provider in front, `provider` is put there.";
    };
    provider = mkOption {
      type = types.nullOr t.word;
      default = null;
      example = "anthropic";
      description = "The one provider to use: `config.enabled_providers`.";
    };
    opencodeCfg = mkOption {
      visible = false;
      default = [ ];
      type = t.nothing "nothing, as this option no longer exists: write `config = { … }`, or `configFile = …`";
      description = "Removed.";
    };
    origin = mkOption {
      internal = true;
      readOnly = true;
      type = types.attrsOf types.bool;
      description = "Which of two options that exclude each other are set.";
      default = {
        package = isOwn options.package;
        configFile = config.configFile != "${generated}";
        config = opencode.clean config.config != { } && hasOwn options.config;
      };
    };
  };

  config.config = lib.mkMerge [
    (lib.mkIf (config.model != null) {
      model = from options.model (
        if config.provider == null || lib.hasInfix "/" config.model then
          config.model
        else
          "${config.provider}/${config.model}"
      );
    })
    (lib.mkIf (config.provider != null) { enabled_providers = from options.provider [ config.provider ]; })
  ];
}
