# The drop-ins of an instance's two units: their commands, environment and sandbox, from the same data that src/sandbox
# reads. When to restart them, in which order and with which network policy they run is the supervisor's to say.
# Everything is a default, so that `systemd.services.opencode-NAME` can be changed as any other service.
{
  lib,
  supervisor,
  shell,
  landlockScopes,
  systemdVersion,
}:
let
  baseline = lib.importJSON ../src/sandbox/baseline.json;
  features = lib.importJSON ../src/sandbox/features.json;
  mainOnly = lib.importJSON ../src/sandbox/main-only.json;
  runtime = (lib.importJSON ../src/sandbox/runtime.json).nixos;

  home = "${supervisor}/lib/opencode-supervisor";
  init = "${home}/packages/sandbox-init/build/opencode-init";
  node = lib.getExe supervisor.nodejs;
  setup = "${home}/dist/setup";

  # Between mkDefault, which is ours, and an operator's own.
  overOurs = lib.mkOverride 900;

  literal = lib.replaceStrings [ "%" ] [ "%%" ];
  # `:`: no variables in it; systemd.service(5), "Command lines".
  underInit =
    command:
    ":"
    + lib.concatMapStringsSep " " (word: builtins.toJSON (literal word)) (
      [ init ] ++ lib.optional landlockScopes "--landlock-scopes" ++ [ "--" ] ++ command
    );

  program =
    { command, package, ... }: if command == null then [ "${package}/bin/opencode" ] else command;

  serve =
    spec:
    program spec
    ++ [
      "serve"
      "--print-logs"
      "--hostname"
      spec.listen.address
      "--port"
      (toString spec.listen.port)
    ]
    ++ lib.optionals (spec.logLevel != null) [
      "--log-level"
      spec.logLevel
    ]
    ++ spec.extraArgs;

  # src/sandbox/properties.ts says why it is one command.
  withHooks = ''"$0" -- "$1" -e -c "$2" && "$0" -- "$4" "$5" "$6" && "$0" -- "$1" -e -c "$3"'';

  setupCommand =
    spec:
    let
      text = script: if script == null then "" else script;
      scripts = [ (text spec.preInitScript) (text spec.postInitScript) ];
      input = builtins.toJSON {
        home = spec.stateDir;
        inherit (spec) directory;
        config = spec.configFile;
        files = spec.configDirFiles;
      };
      core = [ node "${setup}/main.js" input ];
      hooked = [ shell "-e" "-c" withHooks init shell ] ++ scripts ++ core;
    in
    underInit (if lib.all (script: script == "") scripts then core else hooked);

  hardening = lib.filterAttrs (_: value: value != null) (
    lib.mapAttrs (
      _: entry:
      if lib.versionOlder systemdVersion (toString (entry.since or 0)) then
        entry.before or null
      else
        entry.value
    ) baseline
  );

  # Without Landlock's scopes an abstract Unix socket is shared by the whole host (src/sandbox/relaxations.ts).
  withoutSockets =
    spec:
    lib.optionalAttrs
      (!landlockScopes && spec.networkIsolation.enable && spec.sandbox.unixSockets.allow == [ ])
      {
        RestrictAddressFamilies = "AF_INET AF_INET6";
      };

  isWithin = above: path: path == above || lib.hasPrefix "${above}/" path;

  fileSystem =
    name: spec:
    let
      isDefault = spec.stateDir == "/var/lib/opencode/instance-state/${name}";
      writes = lib.unique (
        [ spec.directory ] ++ lib.optional (!isDefault) spec.stateDir ++ spec.sandbox.readWritePaths
      );
      reads = [
        init
        node
        setup
      ]
      ++ lib.optional (spec.command != null && lib.hasPrefix "/" (lib.head spec.command)) (
        lib.head spec.command
      )
      ++ lib.optional (spec.package != null) spec.package
      ++ spec.path
      ++ [ spec.configFile ]
      ++ lib.attrValues spec.configDirFiles
      ++ spec.sandbox.readOnlyPaths
      ++ spec.sandbox.unixSockets.allow;
      # A socket may be made later, and is bound then (src/sandbox/binds.ts).
      isMaybeLater =
        path:
        lib.elem path spec.sandbox.unixSockets.allow
        && !lib.any (above: isWithin above path) [
          "/home"
          "/root"
          "/run/user"
        ];
      bind = path: lib.optionalString (isMaybeLater path) "-" + literal path;
      isBound =
        path:
        lib.elem path writes
        || lib.any (above: isWithin (lib.removePrefix "-" above) path) (runtime.runtimePaths ++ runtime.files);
    in
    {
      RootDirectory = "/run/opencode-supervisor/root/${name}";
      BindPaths = map literal writes;
      BindReadOnlyPaths =
        lib.filter (path: !(lib.hasSuffix ":/sys" path && lib.elem "/sys" reads)) runtime.runtimePaths
        ++ map bind (lib.filter (path: !isBound path) (lib.unique reads));
    }
    // lib.optionalAttrs isDefault {
      StateDirectory = "opencode/instance-state/${name}";
      StateDirectoryMode = "0700";
    };

  limits =
    { memoryMax, cpuQuota, tasksMax, ... }:
    { TasksMax = tasksMax; }
    // lib.optionalAttrs (memoryMax != null) { MemoryMax = memoryMax; }
    // lib.optionalAttrs (cpuQuota != null) { CPUQuota = cpuQuota; };

  required =
    spec:
    {
      HOME = spec.stateDir;
      # PrivateUsers= shows a project that is somebody else's as nobody's, which git refuses.
      GIT_CONFIG_COUNT = "1";
      GIT_CONFIG_KEY_0 = "safe.directory";
      GIT_CONFIG_VALUE_0 = spec.directory;
    }
    // lib.listToAttrs (
      map ({ variable, ... }: lib.nameValuePair variable "1") (
        lib.filter ({ feature, setting, ... }: spec.features.${feature} == setting) features
      )
    );

  unit = name: spec: path: extra: own: {
    inherit path;
    overrideStrategy = "asDropin";
    restartIfChanged = false;
    partOf = [ "opencode.target" ];
    environment = lib.mapAttrs (_: value: lib.mkDefault (literal value)) (
      required spec // spec.environment
    );
    serviceConfig = lib.mkMerge [
      (lib.mapAttrs (_: lib.mkDefault) (
        hardening
        // withoutSockets spec
        // fileSystem name spec
        // limits spec.limits
        // {
          User = spec.user;
          Group = spec.group;
          SupplementaryGroups = spec.extraGroups;
        }
        // extra
      ))
      (lib.mapAttrs (_: overOurs) own)
    ];
  };

  isForMain = directive: lib.any (prefix: lib.hasPrefix prefix directive) mainOnly;
in
# `spec` as the instance file has it; `path` in packages.
name: spec: path:
let
  own = spec.sandbox.serviceConfig;
  environmentFile = lib.optional (spec.environmentFile != null) (literal spec.environmentFile);
in
{
  "opencode-${name}" = unit name spec path {
    Type = "exec";
    Restart = "always";
    ExecStart = underInit (serve spec);
    WorkingDirectory = literal spec.directory;
    EnvironmentFile = [ "/run/opencode-supervisor/credentials/${name}.env" ] ++ environmentFile;
  } own;
  "opencode-${name}-setup" = unit name spec path {
    Type = "oneshot";
    RemainAfterExit = true;
    ExecStart = [ (setupCommand spec) ];
    WorkingDirectory = literal spec.stateDir;
    EnvironmentFile = environmentFile;
  } (lib.filterAttrs (directive: _: !isForMain directive) own);
}
