# The typed opencode.json without the service.
{ lib }:
let
  opencode = import ./config/lib.nix { inherit lib; };
in
rec {
  # The text of an opencode.json from modules that set `opencode.*` (see config/default.nix).
  opencodeConfigText =
    modules: opencode.render (lib.evalModules { modules = [ ./config/default.nix ] ++ modules; }).config.opencode;

  # An opencode.json in the store: mkOpencodeConfig { inherit pkgs; modules = [ { opencode.model = "…"; } ]; }
  mkOpencodeConfig =
    {
      pkgs,
      modules ? [ ],
      name ? "opencode.json",
    }:
    pkgs.writeText name (opencodeConfigText modules);

  # opencode that reads this config wherever it is started: wrapOpencode { inherit pkgs; modules = [ … ]; }
  wrapOpencode =
    {
      pkgs,
      modules ? [ ],
      package ? pkgs.opencode,
      path ? [ ],
    }:
    pkgs.runCommand "opencode-configured"
      {
        nativeBuildInputs = [ pkgs.makeWrapper ];
        meta.mainProgram = "opencode";
      }
      ''
        makeWrapper ${package}/bin/opencode $out/bin/opencode \
          --set OPENCODE_CONFIG ${mkOpencodeConfig { inherit pkgs modules; }} \
          --prefix PATH : ${lib.makeBinPath path}
      '';
}
