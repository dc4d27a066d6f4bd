# What the flake gives, as far as it can be evaluated without nixpkgs.
{
  lib,
  pkgs,
  host,
  ...
}:
let
  outputs = (import ../../../flake.nix).outputs {
    self = { };
    nixpkgs = { inherit lib; };
  };
  lock = (lib.importJSON ../../../package-lock.json).packages;
  names = packages: lib.unique (map (path: lib.last (lib.splitString "node_modules/" path)) (lib.attrNames packages));

  # package.nix with functions that show what they are given.
  shown = pkgs // {
    buildNpmPackage = arguments: arguments;
    importNpmLock = {
      __functor = _: arguments: arguments;
      npmConfigHook = "hook";
    };
    stdenvNoCC = {
      mkDerivation = arguments: arguments;
      hostPlatform.node = {
        arch = "x64";
        platform = "linux";
      };
    };
    inherit lib;
    nftables = pkgs.package "nftables" "" { };
    pkg-config = pkgs.package "pkg-config" "" { };
    python3 = pkgs.package "python3" "" { };
    systemdLibs = pkgs.package "systemd-libs" "" { };
    cacert = pkgs.package "cacert" "" { };
    callPackage = lib.callPackageWith shown;
  };
  package = shown.callPackage ../../package.nix { };
  inherit (package.npmDeps) packageSourceOverrides packageLock;
in
{
  "The package" = {
    "every npm package that is fetched has the lock's own hash, and a name that npm takes for a tarball" = {
      expr = lib.filter (path: lib.any lib.id [
        (packageSourceOverrides.${path}.outputHash != lock.${path}.integrity)
        (!lib.hasSuffix ".tgz" packageSourceOverrides.${path}.name)
      ]) (lib.attrNames packageSourceOverrides);
      expected = [ ];
    };
    "what it needs is there, and nothing of other platforms or of the tests" = {
      expr = {
        wanted = lib.subtractLists (names packageSourceOverrides) [
          "fastify"
          "systemd-journald"
          "typescript"
          "@typescript/typescript-linux-x64"
          "node-gyp"
        ];
        unwanted = lib.filter (
          name: lib.any (part: lib.hasInfix part name) [ "darwin" "arm64" "opencode" "biome" "node-linux" "nftables-napi" ]
        ) (names packageSourceOverrides);
        same = lib.attrNames packageSourceOverrides == lib.attrNames (removeAttrs packageLock.packages [ "" ]);
      };
      expected = {
        wanted = [ ];
        unwanted = [ ];
        same = true;
      };
    };
    "all that its manifest names is in its lock" = {
      expr =
        let
          manifest = package.npmDeps.package;
          named = lib.attrNames (manifest.dependencies // manifest.devDependencies // manifest.optionalDependencies);
        in
        lib.subtractLists (names packageSourceOverrides) named;
      expected = [ ];
    };
  };

  "Its outputs" = {
    "are all there" = {
      expr = lib.attrNames outputs;
      expected = [
        "checks"
        "devShells"
        "formatter"
        "lib"
        "nixosModules"
        "overlays"
        "packages"
      ];
    };
    "examples are modules that evaluate without a warning" = {
      expr = lib.concatMap (name: (host [ outputs.nixosModules.${name} ]).warnings) (
        lib.filter (lib.hasPrefix "example-") (lib.attrNames outputs.nixosModules)
      );
      expected = [ ];
    };
    "there are as many examples as files" = {
      expr = lib.length (lib.filter (lib.hasPrefix "example-") (lib.attrNames outputs.nixosModules));
      expected = lib.length (lib.attrNames (builtins.readDir ../../examples));
    };
  };

  "Its lib" = {
    "mkOpencodeConfig makes the file without the service" = {
      expr =
        (outputs.lib.mkOpencodeConfig {
          inherit pkgs;
          modules = [ { opencode.model = "a/b"; } ];
        }).text;
      expected = ''{"$schema":"https://opencode.ai/config.json","model":"a/b"}'';
    };
    "wrapOpencode starts opencode with it" = {
      expr =
        let
          wrapped = outputs.lib.wrapOpencode {
            inherit pkgs;
            modules = [ { opencode.model = "a/b"; } ];
            path = [ pkgs.jq ];
          };
        in
        map (part: lib.hasInfix part wrapped.script) [
          "${pkgs.opencode}/bin/opencode"
          "-opencode.json"
          "${pkgs.jq}/bin"
        ];
      expected = [
        true
        true
        true
      ];
    };
  };
}
