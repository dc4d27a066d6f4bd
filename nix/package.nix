# opencode-supervisor: dist/ compiled, the native parts built, the units with their paths.
{
  lib,
  buildNpmPackage,
  importNpmLock,
  callPackage,
  nodejs_24,
  makeWrapper,
  nftables,
  pkg-config,
  python3,
  systemdLibs,
}:
let
  nodejs = nodejs_24;
  manifest = lib.importJSON ../package.json;
  # Node comes from nixpkgs; the tests' tools and the real opencode stay out.
  isUnneeded =
    name:
    lib.any (prefix: lib.hasPrefix prefix name) [
      "@biomejs/"
      "fast-check"
      "node-linux-"
      "opencode-"
      "playwright-core"
      "pure-rand"
    ];
  sources = callPackage ./npm-sources.nix { inherit nodejs; } {
    package = manifest;
    packageLock = lib.importJSON ../package-lock.json;
    without = isUnneeded;
  };
in
buildNpmPackage {
  pname = manifest.name;
  inherit (manifest) version;
  inherit nodejs;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../package.json
      ../package-lock.json
      ../tsconfig.json
      ../tsconfig.build.json
      ../packages
      ../src
      ../systemd
      ../monitoring
      ../scripts/build-fits.ts
      ../scripts/build-page.mjs
      # Test support that src's tests import; none of it is installed.
      ../testbed
    ];
  };

  npmDeps = importNpmLock {
    pname = manifest.name;
    inherit (manifest) version;
    inherit (sources) package packageLock packageSourceOverrides;
  };
  inherit (importNpmLock) npmConfigHook;

  nativeBuildInputs = [
    makeWrapper
    pkg-config
    python3
  ];
  buildInputs = [
    nftables
    systemdLibs
  ];

  buildPhase = ''
    runHook preBuild
    export npm_config_nodedir=${nodejs}
    for package in packages/nftables-napi packages/systemd-notify node_modules/systemd-journald; do
      (cd $package && node "$NIX_BUILD_TOP/$sourceRoot/node_modules/node-gyp/bin/node-gyp.js" rebuild)
    done
    make -C packages/sandbox-init
    for package in packages/*; do
      ln -sfn ../$package node_modules/$(basename $package)
    done
    node_modules/.bin/tsc -p tsconfig.build.json
    node scripts/build-page.mjs
    node scripts/build-fits.ts
    runHook postBuild
  '';

  installPhase = ''
    runHook preInstall
    npm prune --omit=dev --offline --ignore-scripts --no-save
    home=$out/lib/opencode-supervisor
    mkdir -p $home
    cp -r dist packages package.json node_modules $home/
    for package in packages/*; do
      ln -sfn ../$package $home/node_modules/$(basename $package)
    done
    # What a build leaves besides its result.
    find $home/packages $home/node_modules/systemd-journald -name obj.target -prune -exec rm -r {} +
    # The same flags as in systemd/opencode-supervisor.
    makeWrapper ${lib.getExe nodejs} $out/bin/opencode-supervisor --set MALLOC_ARENA_MAX 1 \
      --add-flags "--expose-gc --max-opt=2 $home/dist/cli/main.js"

    install -Dm644 -t $out/lib/systemd/system systemd/*.service systemd/*.socket systemd/*.target systemd/*.slice
    install -Dm644 -t $out/lib/tmpfiles.d systemd/tmpfiles.d/*
    install -Dm644 -t $out/lib/systemd/catalog systemd/opencode-supervisor.catalog
    install -Dm644 -t $out/share/opencode-supervisor systemd/instances.schema.json
    install -Dm644 -t $out/share/opencode-supervisor/monitoring monitoring/alerts.yml monitoring/dashboard.json
    substituteInPlace $out/lib/systemd/system/opencode-supervisor.service \
      --replace-fail /usr/bin/opencode-supervisor $out/bin/opencode-supervisor
    runHook postInstall
  '';

  passthru = { inherit nodejs; };

  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "opencode-supervisor";
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };
}
