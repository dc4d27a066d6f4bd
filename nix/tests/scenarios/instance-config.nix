{
  lib,
  hostOf,
  withDefaults,
  least,
  jsonOf,
  fileOf,
  textOf,
  setupInputOf,
  isGenerated,
  fails,
  schema,
  ...
}:
let
  dev = extra: hostOf { dev = least // extra; };
  sonnet = dev { config.model = "sonnet"; };
in
{
  "Per-instance ergonomic config submodule" = {
    "Inline config attribute assignment" = {
      expr = jsonOf "dev" sonnet;
      expected = {
        "$schema" = schema;
        model = "sonnet";
      };
    };
    "Nested config attributes" = {
      expr =
        let
          config = dev { config.tui.theme = "dark"; };
        in
        {
          inherit (jsonOf "dev" config) tui;
          inherit (config) warnings;
        };
      expected = {
        tui.theme = "dark";
        warnings = [
          "dev: config.tui: is ignored by opencode: it belongs to the terminal client (tui.json); remove it"
        ];
      };
    };
    "Config submodule uses full typed option set" = {
      expr =
        let
          names = module: lib.attrNames (removeAttrs module [ "_module" "_freeformOptions" ]);
          prefixed =
            (lib.evalModules { modules = [ ../../config/default.nix ]; }).options.opencode.type.getSubOptions
              [ ];
          ofInstance =
            ((dev { }).services.opencode.instances.dev.config);
          wanted = [
            "agents"
            "providers"
            "mcp"
            "permissions"
            "commands"
            "tui"
            "server"
            "lsp"
            "formatter"
            "skills"
            "compaction"
            "watcher"
            "experimental"
            "enterprise"
            "keybinds"
            "model"
            "small_model"
            "theme"
            "share"
            "autoupdate"
            "username"
            "instructions"
            "plugin"
            "snapshot"
          ];
        in
        {
          same = names prefixed == lib.attrNames ofInstance;
          missing = lib.subtractLists (lib.attrNames ofInstance) wanted;
          wrongTypes = map (config: fails (textOf "dev" (dev { inherit config; }))) [
            { agents.x.mode = "sometimes"; }
            { permissions.bash = "perhaps"; }
            { compaction.auto = "yes"; }
            { mcp.x.timeout = 0; }
          ];
          newer = (jsonOf "dev" (dev { config.brand_new.key = 1; })).brand_new.key;
        };
      expected = {
        same = true;
        missing = [ ];
        wrongTypes = [ true true true true ];
        newer = 1;
      };
    };
  };

  "Per-instance configFile override" = {
    "Default configFile from config submodule" = {
      expr = {
        path = isGenerated sonnet.services.opencode.instances.dev.configFile;
        inherit (jsonOf "dev" sonnet) model;
      };
      expected = {
        path = true;
        model = "sonnet";
      };
    };
    "Explicit configFile overrides config" = {
      expr = (fileOf "dev" (dev {
        configFile = "/etc/nixos/my-opencode.json";
        config.model = "sonnet";
      })).configFile;
      expected = "/etc/nixos/my-opencode.json";
    };
    "a config that is ignored ends nothing, and what all inherit is nobody's mistake" = {
      expr =
        let
          config = hostOf {
            dev = least // {
              configFile = "/etc/nixos/my-opencode.json";
              config.mcp.half.type = "remote";
            };
          };
          inherited = withDefaults { config.model = "sonnet"; model = "opus"; } {
            dev = least // {
              configFile = "/etc/nixos/my-opencode.json";
            };
          };
        in
        {
          own = config.warnings;
          inherited = inherited.warnings;
        };
      expected = {
        own = [ "dev: configFile: is set, and `config` as well, which is ignored then; keep one of them" ];
        inherited = [ ];
      };
    };
    "Explicit configFile with empty config" = {
      expr =
        let
          config = dev { configFile = /run/secrets/opencode.json; };
        in
        {
          inherit (fileOf "dev" config) configFile;
          inherit (config) warnings;
        };
      expected = {
        configFile = "/run/secrets/opencode.json";
        warnings = [ ];
      };
    };
  };

  "Removal of opencodeCfg option"."opencodeCfg is gone" = {
    expr = fails (dev { opencodeCfg = [ { } ]; }).warnings;
    expected = true;
  };

  "Per-instance service unit generation" = {
    "Service uses generated configFile" = {
      expr = isGenerated (setupInputOf "dev" sonnet).config;
      expected = true;
    };
    "Service uses explicit configFile" = {
      expr = (setupInputOf "dev" (dev { configFile = "/etc/opencode/dev.json"; })).config;
      expected = "/etc/opencode/dev.json";
    };
  };

  "Shared defaults with per-instance override"."Instance config overrides defaults" = {
    expr =
      (jsonOf "dev" (
        withDefaults { config.model = "sonnet"; } { dev = least // { config.model = "opus"; }; }
      )).model;
    expected = "opus";
  };
}
