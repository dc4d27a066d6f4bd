# switch-to-configuration between two generations, back, and to a system without the module. What runs after each is asked
# by the same texts as in generations.machine.test.ts.
{ lib }:
let
  script = scene: builtins.readFile ../scenes/lib.sh + builtins.readFile (../scenes + "/${scene}.sh");
  play = scene: "machine.succeed(${builtins.toJSON (script scene)})";
in
{
  name = "opencode-generations";
  nodes.machine =
    { pkgs, ... }:
    {
      imports = [ ../../module.nix ];
      environment.systemPackages = [ pkgs.nftables ];
      specialisation =
        lib.genAttrs [ "first" "second" ] (generation: {
          configuration = {
            imports = [ (../hosts + "/${generation}.nix") ];
            services.opencode.enable = true;
          };
        });
    };
  testScript = ''
    # 4: something failed, which the broken instance does.
    def switch(generation, expected=(0,)):
        path = f"/run/booted-system/specialisation/{generation}" if generation else "/run/booted-system"
        status, output = machine.execute(f"{path}/bin/switch-to-configuration test 2>&1")
        assert status in expected, output

    machine.wait_for_unit("multi-user.target")
    machine.succeed(
        "mkdir -p /run/secrets && echo TOKEN=secret > /run/secrets/same.env",
        "for name in same changed policy removed disabled added broken; do"
        " install -d -m 777 /srv/$name; echo 'exec sleep infinity' > /srv/$name/serve; done",
    )

    with subtest("the first generation"):
        switch("first")
        ${play "generation-first"}
        same = machine.succeed("systemctl show --value -p MainPID opencode-same.service")
        supervisor = machine.succeed("systemctl show --value -p MainPID opencode-supervisor.service")

    with subtest("a switch to the second generation"):
        switch("second", (0, 4))
        ${play "generation-second"}
        assert same == machine.succeed("systemctl show --value -p MainPID opencode-same.service")
        assert supervisor == machine.succeed("systemctl show --value -p MainPID opencode-supervisor.service")

    with subtest("rolled back"):
        switch("first")
        ${play "generation-first"}
        assert same == machine.succeed("systemctl show --value -p MainPID opencode-same.service")

    with subtest("the module switched off leaves nothing of it running"):
        switch("")
        machine.wait_until_fails("pgrep -f opencode-init")
        machine.fail("systemctl is-active opencode-supervisor.service opencode.target")
        machine.fail("systemctl is-active opencode-supervisor.socket opencode-supervisor-control.socket")
  '';
}
