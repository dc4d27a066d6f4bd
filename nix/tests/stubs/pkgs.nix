# Packages for evaluation where nixpkgs itself is not at hand: names and store paths, nothing that could be built. A path
# follows from the name and from what is in it, as real ones do.
{ lib }:
let
  package =
    name: content: extra:
    let
      outPath = "/nix/store/${lib.substring 0 32 (builtins.hashString "sha256" "${name}\n${content}")}-${name}";
    in
    {
      type = "derivation";
      inherit name outPath;
      pname = name;
      drvPath = "${outPath}.drv";
      outputName = "out";
      meta.mainProgram = name;
    }
    // extra;
  named = lib.genAttrs [
    "bash"
    "coreutils"
    "findutils"
    "getent"
    "git"
    "gnugrep"
    "gnused"
    "jq"
    "makeWrapper"
    "opencode"
    "systemd"
  ] (name: package name "" { });
  nodejs_24 = package "node" "" { };
  supervisor = package "opencode-supervisor" "" { nodejs = nodejs_24; };
in
named
// {
  inherit nodejs_24 package;
  systemd = named.systemd // {
    version = "258";
  };
  linuxPackages.kernel.version = "6.12.1";
  runtimeShell = "${named.bash}/bin/bash";
  opencode-supervisor = supervisor;
  callPackage = _file: _arguments: supervisor;
  writeText = name: text: package name text { inherit text; };
  runCommand =
    name: arguments: script:
    package name "${script}${arguments.file or ""}" { inherit arguments script; };
}
