# opencode.json from the typed options, for the real opencode to judge (configs.test.ts): name to text.
{
  lib ? import <nixpkgs-lib>,
}:
let
  configs = {
    empty = { };
    agents = {
      agents.reviewer = {
        model = "local/coder";
        prompt = "Review.";
        description = "Reviews";
        mode = "subagent";
        temperature = 0.2;
        top_p = 0.9;
        steps = 5;
        color = "#ff5733";
        hidden = false;
        options.deep.key = 1;
        permission = {
          edit = "deny";
          bash = {
            "*" = "ask";
            "git *" = "allow";
          };
        };
      };
      commands.deploy = {
        template = "Deploy $ARGUMENTS";
        description = "Deploys";
        agent = "build";
        subtask = true;
      };
      permissions = {
        "*" = "allow";
        external_directory = "deny";
      };
      default_agent = "build";
      subagent_depth = 2;
      instructions = [ "AGENTS.md" ];
      skills.paths = [ "skills" ];
    };
    providers = {
      model = "local/coder";
      small_model = "local/small";
      enabled_providers = [ "local" ];
      disabled_providers = [ "other" ];
      providers.local = {
        npm = "@ai-sdk/openai-compatible";
        name = "Local";
        env = [ "LOCAL_KEY" ];
        whitelist = [ "coder" ];
        options = {
          baseURL = "http://127.0.0.1:1/v1";
          apiKey = "{env:LOCAL_KEY}";
          timeout = false;
          chunkTimeout = 1000;
        };
        models = {
          small = { };
          coder = {
            name = "Coder";
            attachment = false;
            reasoning = true;
            tool_call = true;
            status = "beta";
            limit = {
              context = 128000;
              output = 8000;
            };
            cost = {
              input = 0;
              output = 0;
            };
            modalities = {
              input = [ "text" ];
              output = [ "text" ];
            };
            headers.X = "y";
            variants.high.effort = "high";
          };
        };
      };
    };
    mcp.mcp = {
      files = {
        type = "local";
        command = [
          "mcp"
          "--stdio"
        ];
        environment.A = "1";
        enabled = false;
        timeout = 1000;
      };
      web = {
        type = "remote";
        url = "https://mcp.example";
        headers.Authorization = "Bearer {env:TOKEN}";
        oauth = false;
        enabled = false;
      };
      off.enabled = false;
    };
    tools = {
      lsp.nixd = {
        command = [ "nixd" ];
        extensions = [ ".nix" ];
        env.A = "1";
        initialization.x = 1;
      };
      formatter.nixfmt = {
        command = [
          "nixfmt"
          "$FILE"
        ];
        extensions = [ ".nix" ];
        environment.A = "1";
      };
      watcher.ignore = [ "result" ];
      references.docs = {
        path = "../docs";
        description = "Docs";
      };
      attachment.image.max_width = 100;
      snapshot = false;
      shell = "/bin/sh";
    };
    rest = {
      logLevel = "WARN";
      server = {
        port = 4096;
        hostname = "127.0.0.1";
        cors = [ "https://example.org" ];
      };
      share = "disabled";
      autoupdate = "notify";
      username = "someone";
      enterprise.url = "https://enterprise.example";
      layout = "stretch";
      compaction = {
        auto = true;
        prune = false;
        tail_turns = 2;
        preserve_recent_tokens = 10;
        reserved = 100;
      };
      tool_output = {
        max_lines = 100;
        max_bytes = 1000;
      };
      experimental = {
        batch_tool = true;
        openTelemetry = false;
        mcp_timeout = 1000;
        primary_tools = [ "edit" ];
        continue_loop_on_deny = true;
        disable_paste_summary = true;
      };
    };
    # Of which we warn.
    ignored = {
      tui.theme = "dark";
      theme = "dark";
      keybinds.leader = "ctrl+x";
      brand_new = true;
    };
    rejected.lsp.enabled = true;
  };
  opencode = import ../config/lib.nix { inherit lib; };
  problems = import ../config/problems.nix { inherit lib; };
  evaluated =
    config:
    (lib.evalModules {
      modules = [
        ../config/default.nix
        { opencode = config; }
      ];
    }).config.opencode;
in
lib.mapAttrs' (name: config: lib.nameValuePair "${name}.json" (opencode.render (evaluated config))) configs
// {
  "warned-of" = builtins.toJSON (
    lib.mapAttrs (_: config: map (problem: problem.field) (problems.warnings (evaluated config))) configs
  );
}
