/** The units as systemd runs them: setup and its hooks, how main ends and comes back, and what reaches it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addressFilter } from "../address-filter.ts";
import { dropIn } from "../drop-in.ts";
import { instance } from "../testing.ts";
import { exists, HOME, host, MAIN, machine, OPENCODE, output, SETUP, seen, start, systemd } from "./testing.ts";

describe("setup", () => {
  const order = (name: string) => `echo ${name} >> /srv/a/order; id -un >> /srv/a/order`;

  test("preInitScript runs before setup actions, postInitScript after, both as the user and with its environment", async () => {
    const preInitScript = `${order("pre")}\n[ ! -e ~/.config ] && echo "$API '$HOME' %n" >> /srv/a/order`;
    const postInitScript = `[ -L ~/.config/opencode/opencode.json ]\n${order("post")}`;
    assert.equal(
      await start(
        instance({ command: ["/bin/sleep", "1000"], preInitScript, postInitScript, environment: { API: "x" } }),
      ),
      "done",
      await output(SETUP),
    );
    assert.equal(await machine.readFile("/srv/a/order"), `pre\nopencode-a\nx '${HOME}' %n\npost\nopencode-a\n`);
  });

  for (const [field, reached] of [
    ["preInitScript", ""],
    ["postInitScript", ".config\n.local\n"],
  ] as const) {
    test(`hook failure fails setup: ${field}, and main does not start`, async () => {
      assert.equal(
        await start(instance({ command: [OPENCODE], [field]: "false; echo on >> /srv/a/on" })),
        "dependency",
      );
      assert.equal((await machine.exec(["systemctl", "show", "-P", "ExecMainStatus", SETUP])).stdout, "1\n");
      assert.equal((await machine.exec(["ls", "-A", HOME])).stdout, reached);
      assert.equal(await exists("/srv/a/on"), false);
    });
  }

  test("a hook that hangs is ended at its limit, with all that it has started", async () => {
    const preInitScript = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 777' & sleep 777 & wait; sleep 777";
    const started = await start(instance({ command: [OPENCODE], preInitScript, limits: { hookTimeout: 1 } }));
    assert.equal(started, "dependency");
    assert.equal((await machine.exec(["systemctl", "show", "-P", "Result", SETUP])).stdout, "timeout\n");
    await machine.waitFor(
      "nothing is left",
      async () => (await machine.exec(["pgrep", "-f", "sleep 777"], { check: false })).code === 1,
    );
  });

  test("what a hook leaves running is gone when the next step starts", async () => {
    const preInitScript = "setsid sleep 778 >/dev/null 2>&1 &";
    const postInitScript = "! pgrep -x sleep";
    assert.equal(
      await start(instance({ command: ["/bin/sleep", "1000"], preInitScript, postInitScript })),
      "done",
      await output(SETUP),
    );
    assert.equal((await machine.exec(["pgrep", "-f", "sleep 778"], { check: false })).code, 1);
  });

  test("Setup is idempotent: run again by hand, it changes nothing", async () => {
    await start(instance({ command: ["/bin/sleep", "1000"] }));
    const tree = async () => (await machine.sh(`find ${HOME} /srv/a -printf '%p %i %m %u %l %T@ %C@\n' | sort`)).stdout;
    const first = await tree();
    await machine.exec(["systemctl", "restart", SETUP]);
    assert.equal(await tree(), first);
    assert.match(
      first,
      /\.config\/opencode\/opencode\.json \d+ 777 opencode-a \/run\/opencode-supervisor\/config\/a\/opencode\.json /,
    );
  });

  test("says what is wrong with a project that it cannot write", async () => {
    await machine.exec(["chown", "root", "/srv/a"]);
    assert.equal(await start(instance({ command: [OPENCODE] })), "dependency");
    assert.match(
      await output(SETUP),
      /^setup: directory \/srv\/a is not writable by user opencode-a; run: chown opencode-a \/srv\/a$/m,
    );
  });
});

describe("main", () => {
  const state = async () => {
    const { stdout } = await machine.exec(["systemctl", "show", "-p", "ActiveState,Result,NRestarts,MainPID", MAIN]);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("=")),
    );
  };
  test("gets SIGTERM and the time to end by itself when it is stopped", async () => {
    const script = "trap 'sleep 0.2; echo bye > bye; exit 0' TERM; touch up; while :; do sleep 0.05; done";
    await machine.writeFile("/srv/a/script", script);
    await start(instance({ command: ["/bin/sh", "/srv/a/script"] }));
    await machine.waitFor("the server", () => exists("/srv/a/up"));
    await machine.exec(["systemctl", "stop", MAIN]);
    assert.equal(await machine.readFile("/srv/a/bye"), "bye\n");
    assert.notEqual((await state()).ActiveState, "failed");
  });

  for (const [what, script] of [
    ["ends with an error", "exit 3"],
    ["is killed", "kill -KILL $$"],
    ["is ended by its own agent (pkill opencode)", "kill -TERM $$"],
  ] as const) {
    test(`comes back when it ${what}`, async () => {
      await machine.writeFile("/srv/a/script", script);
      await start(instance({ command: ["/bin/sh", "/srv/a/script"] }));
      await machine.waitFor("a restart", async (saw) => {
        const now = await state();
        saw(now);
        return Number(now.NRestarts) > 0;
      });
    });
  }

  test("Environment file overrides inline environment value, and the password comes before both", async () => {
    await machine.writeFile("/etc/a.env", "API_BASE=https://secret-override\n", 0o600);
    const extra = { environment: { API_BASE: "https://sample", PLAIN: "1" }, environmentFile: "/etc/a.env" };
    const said = await seen(
      'echo "$API_BASE $PLAIN $OPENCODE_SERVER_PASSWORD $HOME"; [ -w "$HOME" ] && echo writable',
      extra,
    );
    assert.equal(said, `https://secret-override 1 pw ${HOME}\nwritable\n`);
    assert.doesNotMatch((await machine.exec(["systemctl", "show", MAIN])).stdout, /secret-override|=pw/);
  });

  test("Declared tool is available in runtime PATH", async () => {
    await machine.writeFile("/opt/tools/bin/our-tool", "#!/bin/sh\necho ours\n", 0o755);
    assert.equal(await seen("our-tool", { path: ["/opt/tools/bin"] }), "ours\n");
  });

  test("an operator's own directives are applied last, to both units", async () => {
    const spec = instance({
      command: ["/bin/sleep", "1000"],
      sandbox: { serviceConfig: { Restart: "always", UMask: "0027", SystemCallFilter: ["", "@system-service"] } },
    });
    for (const [unit, role] of [
      [MAIN, "main"],
      [SETUP, "setup"],
    ] as const)
      await machine.writeFile(`/run/systemd/system/${unit}.d/50-service-config.conf`, dropIn(spec, role) ?? "");
    assert.equal(await start(spec), "done", await output(SETUP));
    const shown = (unit: string) => machine.exec(["systemctl", "show", "-p", "Restart,UMask", unit]);
    assert.equal((await shown(MAIN)).stdout, "Restart=always\nUMask=0027\n");
    assert.match((await shown(SETUP)).stdout, /^Restart=(no|on-failure)\nUMask=0027\n$/); // as systemd is 256, or older
  });

  test("its address filter is in force, and changes while it runs", async () => {
    // Given an isolated instance that asks the host's own address, which is not loopback's
    await machine.sh(
      `ip addr replace 10.9.9.9/32 dev lo
      systemd-run -q --unit=server ${host.programs.node} -e "require('http').createServer((_, to) => to.end('hello')).listen(8123, '10.9.9.9')"`,
    );
    await machine.waitFor(
      "the server",
      async () => (await machine.exec(["curl", "-s", "http://10.9.9.9:8123"], { check: false })).code === 0,
    );
    const isolated = { networkIsolation: { enable: true, outboundAllowCidrs: [] as string[] } };
    const ask = "curl -s -m 1 -o /dev/null http://10.9.9.9:8123";
    const said = await seen(
      `${ask} && echo reached || echo refused; { until ${ask}; do :; done; touch reached; } &`,
      isolated,
    );
    assert.equal(said, "refused\n");
    // When its allow-list grows
    isolated.networkIsolation.outboundAllowCidrs.push("10.9.9.9/32");
    const { allow, deny } = addressFilter(instance(isolated));
    await systemd.setProperties(MAIN, [
      ["IPAddressAllow", []],
      ["IPAddressAllow", allow],
      ["IPAddressDeny", []],
      ["IPAddressDeny", deny],
    ]);
    // Then
    await machine.waitFor("an answer", () => exists("/srv/a/reached"));
    assert.equal((await state()).NRestarts, "0");
  });
});
