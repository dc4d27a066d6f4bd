# npm packages from package-lock.json alone: its integrity is the hash, its version the source. The lock names no registry,
# so each tarball is what `npm pack NAME@VERSION` brings, as a fixed-output derivation; which registry it comes from makes
# no difference to what it has to be.
{
  lib,
  stdenvNoCC,
  nodejs,
  cacert,
}:
{
  package,
  packageLock,
  # Names that the build has no use for.
  without ? (_name: false),
}:
let
  platform = stdenvNoCC.hostPlatform.node;
  fits = wanted: { cpu ? null, os ? null, ... }: allows cpu wanted.arch && allows os wanted.platform;
  # As in package.json: [ "linux" ] or [ "!win32" ].
  allows =
    list: value:
    list == null || lib.elem value list || (lib.all (lib.hasPrefix "!") list && !lib.elem "!${value}" list);

  nameOf = path: module: module.name or (lib.last (lib.splitString "node_modules/" path));
  isOurs = path: module: path == "" || module.link or false || !(lib.hasInfix "node_modules/" path);
  isNeeded =
    path: module:
    path == "" || !(isOurs path module) && !(without (nameOf path module)) && fits platform module;
  kept = lib.filterAttrs isNeeded packageLock.packages;

  isKept = name: _: kept ? "node_modules/${name}";
  onlyKept = lib.filterAttrs (name: _: isKept name null);
  trimmed =
    module:
    removeAttrs module [ "workspaces" ]
    // lib.mapAttrs (_: onlyKept) (
      lib.filterAttrs (key: _: key == "optionalDependencies" || key == "devDependencies") module
    );

  tarball =
    path: module:
    stdenvNoCC.mkDerivation {
      # npm takes a file: for a tarball by its ending.
      name = "${lib.strings.sanitizeDerivationName (lib.removePrefix "@" (nameOf path module))}-${module.version}.tgz";
      nativeBuildInputs = [ nodejs ];
      package = "${nameOf path module}@${module.version}";
      buildCommand = ''
        export HOME=$TMPDIR npm_config_cache=$TMPDIR/cache npm_config_update_notifier=false
        export NODE_EXTRA_CA_CERTS=''${NIX_SSL_CERT_FILE:-${cacert}/etc/ssl/certs/ca-bundle.crt}
        mkdir packed
        npm pack --silent --ignore-scripts --pack-destination packed -- "$package"
        mv packed/*.tgz $out
      '';
      # The last, where a lock has several.
      outputHash = lib.last (lib.splitString " " module.integrity);
      outputHashAlgo = null;
      outputHashMode = "flat";
      impureEnvVars = lib.fetchers.proxyImpureEnvVars ++ [ "npm_config_registry" ];
      preferLocalBuild = true;
    };
in
{
  package = trimmed package;
  packageLock = packageLock // {
    packages = lib.mapAttrs (_: trimmed) kept;
  };
  packageSourceOverrides = lib.mapAttrs tarball (removeAttrs kept [ "" ]);
}
