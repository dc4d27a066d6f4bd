# The scenes on NixOS: multi-instance and restart isolation, files and sockets, state, setup and hooks, network and logs,
# environment and secrets. The same texts run on a disposable machine in scenes.machine.test.ts.
{ lib }:
let
  script = scene: builtins.readFile ../scenes/lib.sh + builtins.readFile (../scenes + "/${scene}.sh");
  play = scene: ''
    with subtest("${scene}"):
        machine.succeed(${builtins.toJSON (script scene)})
  '';
in
{
  name = "opencode-scenes";
  nodes.machine =
    { pkgs, ... }:
    {
      imports = [
        ../../module.nix
        ../hosts/scenes.nix
      ];
      services.opencode.enable = true;
      environment.systemPackages = [ pkgs.nftables ];
    };
  testScript = ''
    machine.wait_for_unit("opencode-supervisor.service")
    ${lib.concatMapStrings play [
      "prepare"
      "isolation"
      "filesystem"
      "state"
      "setup"
      "network"
      "environment"
    ]}
  '';
}
