{
  lib,
  pkgs,
  hostOf,
  withDefaults,
  least,
  serviceOf,
  fileOf,
  jsonOf,
  textOf,
  setupInputOf,
  isGenerated,
  fails,
  schema,
  ...
}:
let
  two = hostOf {
    project-a = least;
    project-b = {
      directory = "/srv/b";
      listen.port = 8788;
    };
  };
  one = extra: hostOf { my-project = least // extra; };
  plain = one { };
  sonnet = one { config.model = "sonnet"; };
in
{
  "Multi-instance service model" = {
    "Define two independent instances" = {
      expr = {
        units = lib.filter (lib.hasPrefix "opencode-project") (lib.attrNames two.systemd.services);
        homes = map (name: (serviceOf "opencode-${name}" two).environment.HOME) [
          "project-a"
          "project-b"
        ];
      };
      expected = {
        units = [
          "opencode-project-a"
          "opencode-project-a-setup"
          "opencode-project-b"
          "opencode-project-b-setup"
        ];
        homes = [
          "/var/lib/opencode/instance-state/project-a"
          "/var/lib/opencode/instance-state/project-b"
        ];
      };
    };
  };

  "Per-instance service unit generation" = {
    "Enabled instance generates a unit" = {
      expr =
        let
          unit = serviceOf "opencode-my-project" (one { enable = true; });
          command = unit.serviceConfig.ExecStart;
        in
        {
          ends = lib.hasSuffix ''/bin/opencode" "serve" "--print-logs" "--hostname" "127.0.0.1" "--port" "8787"'' command;
          underInit = lib.hasInfix ''/opencode-init" "--landlock-scopes" "--" "'' command;
          inherit (unit) overrideStrategy wantedBy;
          inherit (unit.serviceConfig)
            WorkingDirectory
            User
            NoNewPrivileges
            ProtectSystem
            ;
        };
      expected = {
        ends = true;
        underInit = true;
        overrideStrategy = "asDropin";
        wantedBy = [ ];
        WorkingDirectory = "/srv/my-project";
        User = "opencode-my-project";
        NoNewPrivileges = "yes";
        ProtectSystem = "strict";
      };
    };
    "Disabled instance does not start" = {
      expr =
        let
          off = one { enable = false; };
        in
        {
          units = lib.filter (lib.hasPrefix "opencode-my") (lib.attrNames off.systemd.services);
          users = lib.filter (lib.hasPrefix "opencode-") (lib.attrNames off.users.users);
          inherit (fileOf "my-project" off) enable dropIn;
        };
      expected = {
        units = [ ];
        users = [ ];
        enable = false;
        dropIn = null;
      };
    };
    "Service uses resolved configFile for symlink" = {
      expr = {
        isGenerated = isGenerated (setupInputOf "my-project" sonnet).config;
        isWhatTheFileSays = (setupInputOf "my-project" sonnet).config == (fileOf "my-project" sonnet).configFile;
        inherit (jsonOf "my-project" sonnet) model;
      };
      expected = {
        isGenerated = true;
        isWhatTheFileSays = true;
        model = "sonnet";
      };
    };
    "Service uses explicit configFile" = {
      expr = (setupInputOf "my-project" (one { configFile = "/path/to/opencode.json"; })).config;
      expected = "/path/to/opencode.json";
    };
  };

  "Per-instance setup service for state initialization" = {
    "Setup runs on first initialization only" = {
      # What it does at later runs is seen on a machine.
      expr = lib.length (serviceOf "opencode-my-project-setup" plain).serviceConfig.ExecStart;
      expected = 1;
    };
    "Setup does not initialize working directory" = {
      expr = {
        inherit (setupInputOf "my-project" plain) home;
        inherit ((serviceOf "opencode-my-project-setup" plain).serviceConfig) WorkingDirectory StateDirectory;
      };
      expected = {
        home = "/var/lib/opencode/instance-state/my-project";
        WorkingDirectory = "/var/lib/opencode/instance-state/my-project";
        StateDirectory = "opencode/instance-state/my-project";
      };
    };
  };

  "Setup lifecycle hooks" =
    let
      hooked = one {
        preInitScript = "echo \"100%\"\ntrue";
        postInitScript = "post";
      };
      # $2 and $3 are the hooks, $4 to $6 what setup does.
      command = lib.head (serviceOf "opencode-my-project-setup" hooked).serviceConfig.ExecStart;
    in
    {
      "preInitScript runs before setup actions" = {
        expr = map (part: lib.hasInfix part command) [
          ''"-e" "-c" "\"$0\" -- \"$1\" -e -c \"$2\" && \"$0\" -- \"$4\" \"$5\" \"$6\" &&''
          ''/bin/bash" "echo \"100%%\"\ntrue" "''
        ];
        expected = [
          true
          true
        ];
      };
      "postInitScript runs after successful setup actions" = {
        expr = map (part: lib.hasInfix part command) [
          ''\"$4\" \"$5\" \"$6\" && \"$0\" -- \"$1\" -e -c \"$3\""''
          ''true" "post" "''
        ];
        expected = [
          true
          true
        ];
      };
    };

  "Shared defaults with per-instance override" = {
    "Instance overrides default port" = {
      expr =
        let
          config = withDefaults { listen.port = 8080; } {
            inherits.directory = "/srv/a";
            overrides = {
              directory = "/srv/b";
              listen.port = 9090;
            };
          };
          portOf = name: lib.hasSuffix ''"--port" "${toString (fileOf name config).listen.port}"'' (serviceOf "opencode-${name}" config).serviceConfig.ExecStart;
        in
        map (name: [
          (fileOf name config).listen.port
          (portOf name)
        ]) [ "inherits" "overrides" ];
      expected = [
        [ 8080 true ]
        [ 9090 true ]
      ];
    };
    "Instance config overrides default config" = {
      expr = jsonOf "my-project" (
        withDefaults {
          config = {
            model = "sonnet";
            username = "everyone";
          };
        } { my-project = least // { config.model = "opus"; }; }
      );
      expected = {
        "$schema" = schema;
        model = "opus";
        username = "everyone";
      };
    };
  };

  "Service PATH injection for tooling"."Declared tool is available in runtime PATH" = {
    expr =
      let
        config = one { path = [ pkgs.jq ]; };
        variable = lib.findFirst (lib.hasPrefix "Environment=\"PATH=") "" (
          lib.splitString "\n" config.systemd.units."opencode-my-project.service".text
        );
      in
      {
        inDropIn = lib.hasInfix "${pkgs.jq}/bin:" variable;
        inFile = (fileOf "my-project" config).path == [ "${pkgs.jq}/bin" ];
      };
    expected = {
      inDropIn = true;
      inFile = true;
    };
  };

  "Per-instance persistent state directory" = {
    "Default state directory path" = {
      expr = {
        inherit (fileOf "my-project" plain) stateDir;
        inherit ((serviceOf "opencode-my-project" plain).serviceConfig) StateDirectory StateDirectoryMode;
      };
      expected = {
        stateDir = "/var/lib/opencode/instance-state/my-project";
        StateDirectory = "opencode/instance-state/my-project";
        StateDirectoryMode = "0700";
      };
    };
    "State root is independent from working directory" = {
      expr =
        let
          config = one { directory = "/srv/vibing/my-project"; };
          unit = serviceOf "opencode-my-project" config;
        in
        {
          inherit (unit.serviceConfig) WorkingDirectory BindPaths;
          inherit (unit.environment) HOME;
        };
      expected = {
        WorkingDirectory = "/srv/vibing/my-project";
        BindPaths = [ "/srv/vibing/my-project" ];
        HOME = "/var/lib/opencode/instance-state/my-project";
      };
    };
  };

  "Backup-friendly state persistence"."Operator can back up state directory" = {
    expr =
      let
        config = one { stateDir = "/srv/state/my-project"; };
        unit = serviceOf "opencode-my-project" config;
      in
      {
        tmpfiles = config.systemd.tmpfiles.settings.opencode;
        inherit (unit.serviceConfig) BindPaths;
        hasStateDirectory = unit.serviceConfig ? StateDirectory;
        inherit (unit.environment) HOME;
      };
    expected = {
      tmpfiles."/srv/state/my-project".d = {
        user = "opencode-my-project";
        group = "opencode-my-project";
        mode = "0700";
      };
      BindPaths = [
        "/srv/my-project"
        "/srv/state/my-project"
      ];
      hasStateDirectory = false;
      HOME = "/srv/state/my-project";
    };
  };

  "Flake module export"."Consumer imports module from flake output" = {
    expr =
      let
        outputs = (import ../../../flake.nix).outputs {
          self = { };
          nixpkgs = { inherit lib; };
        };
      in
      map (name: toString outputs.nixosModules.${name}) [
        "opencode"
        "default"
      ];
    expected = [
      (toString ../../module.nix)
      (toString ../../module.nix)
    ];
  };

  "Per-instance ergonomic config submodule" = {
    "Inline attribute assignment" = {
      expr = (jsonOf "my-project" sonnet).model;
      expected = "sonnet";
    };
    "Nested attribute setting" = {
      expr = (jsonOf "my-project" (one { config.lsp.enabled = true; })).lsp;
      expected.enabled = true;
    };
    "Full typed option set available" = {
      expr = {
        aliased = jsonOf "my-project" (one { config.providers.local.name = "Local"; });
        typed = fails (textOf "my-project" (one { config.providers.local.name = 1; }));
      };
      expected = {
        aliased = {
          "$schema" = schema;
          provider.local.name = "Local";
        };
        typed = true;
      };
    };
  };

  "Per-instance configFile override" = {
    "Explicit configFile bypasses generation" = {
      expr =
        let
          config = one {
            configFile = /etc/nixos/my-opencode.json;
            config.model = "sonnet";
          };
        in
        {
          inherit (setupInputOf "my-project" config) config;
          inherit (fileOf "my-project" config) configFile;
          inFile = (fileOf "my-project" config).config;
          inherit (config) warnings;
        };
      expected = {
        config = "/etc/nixos/my-opencode.json";
        configFile = "/etc/nixos/my-opencode.json";
        inFile = { };
        warnings = [ "my-project: configFile: is set, and `config` as well, which is ignored then; keep one of them" ];
      };
    };
    "Default generates from config submodule" = {
      expr = {
        file = isGenerated sonnet.services.opencode.instances.my-project.configFile;
        null = (one { configFile = null; }).services.opencode.instances.my-project.configFile == plain.services.opencode.instances.my-project.configFile;
        differs = sonnet.services.opencode.instances.my-project.configFile != plain.services.opencode.instances.my-project.configFile;
      };
      expected = {
        file = true;
        null = true;
        differs = true;
      };
    };
    "Empty config produces valid JSON" = {
      expr = textOf "my-project" plain;
      expected = ''{"$schema":"https://opencode.ai/config.json"}'';
    };
  };

  "Removal of opencodeCfg option"."Setting opencodeCfg fails evaluation" = {
    # Its message is in the table of mistakes.
    expr = fails (one { opencodeCfg = { }; }).warnings;
    expected = true;
  };
}
