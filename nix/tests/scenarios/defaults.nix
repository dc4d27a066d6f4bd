# `services.opencode.defaults`, option by option, and every way to write a definition.
{
  lib,
  pkgs,
  host,
  withDefaults,
  fileOf,
  jsonOf,
  serviceOf,
  ...
}:
let
  # What "own" sets wins; "plain" sets nothing.
  both =
    defaults: own: field:
    let
      config = withDefaults (lib.mkMerge [ defaults { listen.port = 1000; } ]) {
        plain.directory = "/srv/plain";
        own = {
          directory = "/srv/own";
          listen.port = 2000;
        }
        // own;
      };
    in
    map (name: field (fileOf name config) (jsonOf name config)) [
      "plain"
      "own"
    ];
  file = path: file: _: lib.getAttrFromPath path file;
  json = path: _: json: lib.attrByPath path null json;
  case = expr: expected: { inherit expr expected; };
in
{
  "Each kind of option" = {
    "a port" = case (
      let
        config = withDefaults { listen.port = 8080; } {
          a.directory = "/srv/a";
          b = {
            directory = "/srv/b";
            listen.port = 9090;
          };
        };
      in
      map (name: (fileOf name config).listen.port) [ "a" "b" ]
    ) [ 8080 9090 ];
    "a model" = case (both { config.model = "x/sonnet"; } { config.model = "x/opus"; } (json [ "model" ])) [ "x/sonnet" "x/opus" ];
    "the isolation switch" = case (both { networkIsolation.enable = true; } { networkIsolation.enable = false; } (file [ "networkIsolation" "enable" ])) [ true false ];
    "a switch that is on without defaults" = case (both { features.prune = false; } { features.prune = true; } (file [ "features" "prune" ])) [ false true ];
    "environmentFile" = case (both { environmentFile = "/run/secrets/all.env"; } { environmentFile = "/run/secrets/own.env"; } (file [ "environmentFile" ])) [ "/run/secrets/all.env" "/run/secrets/own.env" ];
    "environmentFile, set to null" = case (both { environmentFile = "/run/secrets/all.env"; } { environmentFile = null; } (file [ "environmentFile" ])) [ "/run/secrets/all.env" null ];
    "a package" = case (both { package = pkgs.git; } { package = pkgs.jq; } (file [ "package" ])) [ "${pkgs.git}" "${pkgs.jq}" ];
    "path" = case (both { path = [ pkgs.git ]; } { path = [ pkgs.jq ]; } (file [ "path" ])) [ [ "${pkgs.git}/bin" ] [ "${pkgs.jq}/bin" ] ];
    "environment, name by name" = case (both { environment = { A = "all"; B = "all"; }; } { environment.B = "own"; } (file [ "environment" ])) [ { A = "all"; B = "all"; } { A = "all"; B = "own"; } ];
    "nested config" = case (both
      { config = { agent.build = { prompt = "all"; tools.bash = false; }; keybinds = { a = "1"; b = "2"; }; }; }
      { config = { agent.build = { prompt = "own"; tools.edit = true; }; keybinds.b = "3"; }; }
      (_: json: { inherit (json) agent keybinds; }))
      [
        { agent.build = { prompt = "all"; tools.bash = false; }; keybinds = { a = "1"; b = "2"; }; }
        { agent.build = { prompt = "own"; tools = { bash = false; edit = true; }; }; keybinds = { a = "1"; b = "3"; }; }
      ];
    "keys that have no option" = case (both { config.newer.deep = { x = 1; y = 1; }; } { config.newer.deep.y = 2; } (json [ "newer" ])) [ { deep = { x = 1; y = 1; }; } { deep = { x = 1; y = 2; }; } ];
    "second names beside first ones" = case (both { config.agents.x.prompt = "all"; } { config.agent.x.mode = "all"; } (json [ "agent" ])) [ { x.prompt = "all"; } { x = { mode = "all"; prompt = "all"; }; } ];
    "a configFile that is not for one" = case (both { configFile = "/etc/all.json"; } { configFile = null; } (file: _: file.configFile == "/etc/all.json")) [ true false ];
    "enable" = case (both { enable = false; } { enable = true; } (file [ "enable" ])) [ false true ];
    "a hook" = case (both { preInitScript = "all"; } { } (file [ "preInitScript" ])) [ "all" "all" ];
    "permissions for each tool, and one for all" = case (both { config.permissions = { bash."git *" = "allow"; edit = "deny"; }; } { config.permission = "ask"; } (json [ "permission" ])) [ { bash."git *" = "allow"; edit = "deny"; } "ask" ];
    "patterns of a tool, and one action" = case (both { config.permission.bash."git *" = "allow"; } { config.permission.bash = "deny"; } (json [ "permission" "bash" ])) [ { "git *" = "allow"; } "deny" ];
    "an object, and a switch" = case (both { config.lsp.nixd.command = [ "nixd" ]; } { config.lsp = false; } (json [ "lsp" ])) [ { nixd.command = [ "nixd" ]; } false ];
    "an object, and null" = case (both { config.compaction.auto = true; } { config.compaction = null; } (json [ "compaction" ])) [ { auto = true; } null ];
    "an object that has no option, and text" = case (both { config.newer.deep.x = 1; } { config.newer.deep = "own"; } (json [ "newer" ])) [ { deep.x = 1; } { deep = "own"; } ];
    "an object that is forced, and one value" = case (both { config.permission.bash = lib.mkForce "deny"; } { config.permission = "allow"; } (json [ "permission" ])) [ { bash = "deny"; } { bash = "deny"; } ];
    "a model, where it is not in config" = case (both { config.model = "x/sonnet"; } { model = "x/opus"; } (json [ "model" ])) [ "x/sonnet" "x/opus" ];
    "a model of both kinds" = case (both { config.model = "x/sonnet"; model = "x/haiku"; } { config.model = "x/opus"; } (json [ "model" ])) [ "x/sonnet" "x/opus" ];
    "the one provider" = case (both { config.enabled_providers = [ "all" ]; } { provider = "own"; } (json [ "enabled_providers" ])) [ [ "all" ] [ "own" ] ];
    "model and provider" = case (both { provider = "local"; } { model = "coder"; } (_: json: [ (json.model or null) json.enabled_providers ])) [ [ null [ "local" ] ] [ "local/coder" [ "local" ] ] ];
  };

  "Lists" = {
    "an instance's list replaces that of defaults" = case (both { extraArgs = [ "--a" ]; } { extraArgs = [ "--b" ]; } (file [ "extraArgs" ])) [ [ "--a" ] [ "--b" ] ];
    "an empty one does too" = case (both { extraArgs = [ "--a" ]; } { extraArgs = [ ]; } (file [ "extraArgs" ])) [ [ "--a" ] [ ] ];
    "mkOverride 100 in defaults joins the two" = case (both { extraArgs = lib.mkOverride 100 [ "--a" ]; } { extraArgs = [ "--b" ]; } (file: _: lib.sort lib.lessThan file.extraArgs)) [ [ "--a" ] [ "--a" "--b" ] ];
    "in which order, mkBefore says" = case (both { extraArgs = lib.mkOverride 100 (lib.mkBefore [ "--a" ]); } { extraArgs = [ "--b" ]; } (file [ "extraArgs" ])) [ [ "--a" ] [ "--a" "--b" ] ];
    "two definitions in defaults are joined" = case (both (lib.mkMerge [ { extraArgs = [ "--a" ]; } { extraArgs = lib.mkBefore [ "--first" ]; } ]) { } (file [ "extraArgs" ])) [ [ "--first" "--a" ] [ "--first" "--a" ] ];
  };

  "Definitions with properties" = {
    "mkForce in defaults wins over an instance" = case (both { logLevel = lib.mkForce "ERROR"; } { logLevel = "DEBUG"; } (file [ "logLevel" ])) [ "ERROR" "ERROR" ];
    "mkForce in an instance wins" = case (both { logLevel = "ERROR"; } { logLevel = lib.mkForce "DEBUG"; } (file [ "logLevel" ])) [ "ERROR" "DEBUG" ];
    "mkIf in defaults" = case (both { logLevel = lib.mkIf true "ERROR"; environment = lib.mkIf false { A = "1"; }; } { } (file: _: [ file.logLevel file.environment ])) [ [ "ERROR" { } ] [ "ERROR" { } ] ];
    "mkIf around a whole group, lost to an instance" = case (both { limits = lib.mkIf true { tasksMax = 9; memoryMax = "1G"; }; } { limits.tasksMax = 5; } (file: _: [ file.limits.tasksMax file.limits.memoryMax ])) [ [ 9 "1G" ] [ 5 "1G" ] ];
    "mkMerge in defaults" = case (both { environment = lib.mkMerge [ { A = "1"; } { B = "2"; } ]; } { environment.B = "own"; } (file [ "environment" ])) [ { A = "1"; B = "2"; } { A = "1"; B = "own"; } ];
    "mkDefault in an instance still wins over defaults of its options" = case (both { } { logLevel = lib.mkDefault "WARN"; } (file [ "logLevel" ])) [ null "WARN" ];
    "definitions in several modules" = case (
      let
        config = withDefaults (lib.mkMerge [ (lib.mkIf true { environment.A = "1"; }) { environment.B = "2"; } ]) {
          a = {
            directory = "/srv/a";
            listen.port = 1;
          };
        };
      in
      (fileOf "a" config).environment
    ) { A = "1"; B = "2"; };
  };

  "Modules" = {
    "a function of the instance's name" = case (both ({ name, ... }: { stateDir = "/srv/state/${name}"; logLevel = "WARN"; }) { stateDir = "/srv/mine"; } (file: _: [ file.stateDir file.logLevel ])) [ [ "/srv/state/plain" "WARN" ] [ "/srv/mine" "WARN" ] ];
    "a function of other options, under a condition" = case (both ({ config, lib, ... }: lib.mkIf (config.listen.port == 2000) { logLevel = "WARN"; }) { } (file: _: file.logLevel)) [ null "WARN" ];
    "a file, with imports of its own" = case (both ./inherited.nix { environment.A = "own"; } (file: _: [ file.stateDir file.environment ])) [ [ "/srv/state/plain" { A = "imported"; } ] [ "/srv/state/own" { A = "own"; } ] ];
  };

  "Units" = {
    "a state directory with a percent sign in its name is made under that name" = case (
      lib.attrNames
        (withDefaults { } {
          a = {
            directory = "/srv/a";
            listen.port = 1;
            stateDir = "/srv/100%a";
          };
        }).systemd.tmpfiles.settings.opencode
    ) [ "/srv/100%%a" ];
    "a new supervisor, or a Node for it, restarts no instance; another opencode, or Node on PATH, does" = {
      expr =
        let
          restarts =
            changed:
            let
              hash = more: (fileOf "a" (host [ { services.opencode.instances.a = { directory = "/srv/a"; listen.port = 1; path = [ pkgs.git ]; preInitScript = "true"; }; } more ])).dropIn.hash;
            in
            hash { } != hash changed;
        in
        map restarts [
          { services.opencode.supervisor = pkgs.git // { nodejs = pkgs.jq; }; }
          { services.opencode.package = lib.mkForce pkgs.jq; }
          { services.opencode.instances.a.path = [ pkgs.jq ]; }
        ];
      expected = [ false true true ];
    };
    "an operator's own systemd.services wins over what we render" = {
      expr =
        let
          config = withDefaults { } {
            a = {
              directory = "/srv/a";
              listen.port = 1;
              sandbox.serviceConfig = {
                UMask = "0027";
                Restart = "always";
              };
            };
          };
        in
        {
          main = (serviceOf "opencode-a" config).serviceConfig.UMask;
          restart = (serviceOf "opencode-a-setup" config).serviceConfig ? Restart;
        };
      expected = {
        main = "0027";
        restart = false;
      };
    };
  };
}
