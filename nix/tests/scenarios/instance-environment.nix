{
  lib,
  hostOf,
  least,
  serviceOf,
  fileOf,
  setupInputOf,
  ...
}:
let
  one = extra: hostOf { my-project = least // extra; };
  main = config: serviceOf "opencode-my-project" config;
  textOf = config: config.systemd.units."opencode-my-project.service".text;
  secret = "/run/secrets/opencode-my-project.env";
  credentials = "/run/opencode-supervisor/credentials/my-project.env";
in
{
  "Declarative instance environment variables"."Environment variables are present in runtime" = {
    expr = lib.hasInfix "\nEnvironment=\"OPENCODE_FOO=bar\"\n" (
      textOf (one { environment.OPENCODE_FOO = "bar"; })
    );
    expected = true;
  };

  "Secret-friendly environment file option" = {
    "Environment file is loaded at runtime" = {
      expr = (main (one { environmentFile = secret; })).serviceConfig.EnvironmentFile;
      expected = [
        credentials
        secret
      ];
    };
    "sops-nix style secret path support" = {
      expr = (fileOf "my-project" (one { environmentFile = secret; })).environmentFile;
      expected = secret;
    };
  };

  "Deterministic precedence between sources"."Environment file overrides inline environment value" = {
    # systemd.exec(5): what is in an EnvironmentFile= wins over Environment=; seen at a running process on a machine.
    expr =
      let
        config = one {
          environment = {
            API_BASE = "https://sample";
            OPENCODE_DISABLE_SHARE = "0";
          };
          environmentFile = secret;
        };
      in
      {
        inherit ((main config).environment) API_BASE OPENCODE_DISABLE_SHARE OPENCODE_DISABLE_AUTOUPDATE;
        last = lib.last (main config).serviceConfig.EnvironmentFile;
      };
    expected = {
      API_BASE = "https://sample";
      OPENCODE_DISABLE_SHARE = "0";
      OPENCODE_DISABLE_AUTOUPDATE = "1";
      last = secret;
    };
  };

  "Sandbox HOME defaults are ergonomic" = {
    "Default HOME is instance-scoped and writable" = {
      expr =
        let
          unit = main (one { });
        in
        {
          inherit (unit.environment) HOME;
          inherit (unit.serviceConfig) StateDirectory User;
        };
      expected = {
        HOME = "/var/lib/opencode/instance-state/my-project";
        StateDirectory = "opencode/instance-state/my-project";
        User = "opencode-my-project";
      };
    };
    "Opencode state path resolves under HOME" = {
      expr = {
        inherit (setupInputOf "my-project" (one { })) home;
        redirected = lib.any (lib.hasPrefix "XDG_") (lib.attrNames (main (one { })).environment);
      };
      expected = {
        home = "/var/lib/opencode/instance-state/my-project";
        redirected = false;
      };
    };
  };

  "Secret values are not stored in build artifacts"."Secret supplied only via environment file" = {
    # Only paths outside of the store are taken; every rendered file is searched for secrets in the golden tests.
    expr = {
      inherit (fileOf "my-project" (one {
        environmentFile = secret;
        passwordFile = /run/secrets/password;
      })) environmentFile passwordFile;
    };
    expected = {
      environmentFile = secret;
      passwordFile = "/run/secrets/password";
    };
  };
}
