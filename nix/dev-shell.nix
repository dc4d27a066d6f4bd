# `nix develop`: what the tests and the build need, and a hook that formats what is committed.
{
  mkShell,
  formatter,
  nodejs_24,
  nftables,
  pkg-config,
  python3,
  systemdLibs,
  pre-commit,
  writers,
}:
let
  hooks = writers.writeYAML "pre-commit.yaml" {
    repos = [
      {
        repo = "local";
        hooks = [
          {
            id = "treefmt";
            name = "nix fmt";
            language = "system";
            entry = "${formatter}/bin/treefmt --ci";
            types = [ "nix" ];
          }
          {
            id = "biome";
            name = "biome";
            language = "system";
            entry = "node_modules/.bin/biome check";
            types_or = [
              "ts"
              "json"
            ];
          }
        ];
      }
    ];
  };
in
mkShell {
  packages = [
    formatter
    nodejs_24
    nftables
    pkg-config
    pre-commit
    python3
    systemdLibs
  ];
  npm_config_nodedir = nodejs_24;
  shellHook = ''
    pre-commit install --config ${hooks} >/dev/null
  '';
}
