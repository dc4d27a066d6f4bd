/** Two generations of a host, as evaluated: what a switch, a roll-back and a switch-off leave running. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { Supervised } from "../../src/daemon/machine/testing.ts";
import { NixosHost } from "./nixos-host.ts";

const PROJECTS = ["same", "changed", "policy", "removed", "disabled", "added", "broken"];
const FIRST = {
  changed: "starting",
  disabled: "starting",
  policy: "starting",
  removed: "starting",
  same: "starting",
} as const;
const SECOND = {
  added: "starting",
  broken: "failed",
  changed: "starting",
  disabled: "disabled",
  policy: "starting",
  same: "starting",
} as const;

let supervised: Supervised;
let host: NixosHost;
before(async () => {
  supervised = await Supervised.up("generations");
  host = await NixosHost.on(supervised.machine);
  await host.projects(...PROJECTS);
  await host.machine.writeFile("/run/secrets/same.env", "API_BASE=https://secret-override\nTOKEN=secret\n", 0o600);
  await host.switch("first");
  await supervised.untilAll(FIRST);
});
after(async () => {
  await supervised?.down();
});

/** As on a NixOS VM (vm/generations.nix). */
async function play(scene: string): Promise<void> {
  const texts = ["lib", scene].map((name) => readFile(new URL(`scenes/${name}.sh`, import.meta.url), "utf8"));
  await supervised.machine.sh((await Promise.all(texts)).join(""));
}
const pids = (...names: string[]) => supervised.pids(...names);
const property = (unit: string, name: string) => supervised.show(unit, name);
const table = async () => (await host.machine.exec(["nft", "list", "table", "inet", "opencode_supervisor"])).stdout;

describe("the first generation", () => {
  test("Define two independent instances: each has its process, its user and its state", async () => {
    const names = Object.keys(FIRST);
    assert.equal(new Set(await pids(...names)).size, names.length);
    for (const name of names) assert.equal(await property(`opencode-${name}.service`, "User"), `opencode-${name}`);
  });

  test("Enabled instance generates a unit: transient, its command from the drop-in", async () => {
    assert.equal(
      await property("opencode-same.service", "FragmentPath"),
      "/run/systemd/transient/opencode-same.service",
    );
    assert.match(
      await property("opencode-same.service", "DropInPaths"),
      /\/opencode-same\.service\.d\/overrides\.conf$/,
    );
    const sent = await host.machine.readFile("/run/systemd/transient/opencode-same.service");
    assert.doesNotMatch(sent, /^ExecStart/m);
    assert.match(
      await property("opencode-same.service", "ExecStart"),
      /opencode-init --landlock-scopes -- \/bin\/sh \.\/serve serve --print-logs/,
    );
  });

  test("its hardening is what the baseline asks for, and every unit scores under 1.5", async () => {
    const units = ["opencode-same.service", "opencode-same-setup.service"];
    for (const unit of units) {
      const scored = await host.machine.exec(["systemd-analyze", "security", "--no-pager", "--threshold=15", unit], {
        check: false,
      });
      assert.equal(scored.code, 0, scored.stdout);
    }
  });

  test("Environment variables are present in runtime", async () => {
    assert.match(await host.seen("changed"), /^GENERATION=first$/m);
  });

  test("Environment file is loaded at runtime", async () => {
    assert.match(await host.seen("same"), /^TOKEN=secret$/m);
  });

  test("sops-nix style secret path support", async () => {
    assert.match(await property("opencode-same.service", "EnvironmentFiles"), /\/run\/secrets\/same\.env/);
    assert.doesNotMatch(
      (await host.machine.exec(["systemctl", "show", "opencode-same.service"])).stdout,
      /TOKEN=|secret-override/,
    );
  });

  test("Environment file overrides inline environment value", async () => {
    assert.match(await host.seen("same"), /^API_BASE=https:\/\/secret-override$/m);
  });

  test("Default HOME is instance-scoped and writable", async () => {
    assert.match(await host.seen("same"), /^HOME=\/var\/lib\/opencode\/instance-state\/same$/m);
    assert.match(await host.seen("same"), /^writable: yes$/m);
  });

  test("Declared tool is available in runtime PATH", async () => {
    assert.match(await host.seen("same"), /^jq: \/nix\/store\/[0-9a-f]+-jq\/bin\/jq$/m);
  });

  test("arguments arrive as they are written", async () => {
    const args = [...(await host.seen("same")).matchAll(/^argument: (.*)$/gm)].map(([, arg]) => arg);
    assert.deepEqual(args.slice(-3), ["--cors", `%n $HOME \${HOME} "x" 'y' \\ ;`, ";"]);
  });

  test("Service uses generated configFile", async () => {
    const link = "/var/lib/opencode/instance-state/changed/.config/opencode/opencode.json";
    const { stdout } = await host.machine.exec(["readlink", link]);
    assert.match(stdout, /^\/nix\/store\/[0-9a-f]+-opencode-changed\.json\n$/);
    assert.equal(await host.machine.readFile(link), '{"$schema":"https://opencode.ai/config.json"}');
  });

  test("preInitScript runs before setup actions, and postInitScript runs after successful setup actions", async () => {
    assert.equal(await host.machine.readFile("/var/lib/opencode/instance-state/same/order"), "pre\npost\n");
  });
});

describe("a switch to the second generation", () => {
  let earlier: { running: number[]; changed: number | undefined; supervisor: string; table: string };
  before(async () => {
    earlier = {
      running: await pids("same", "policy"),
      changed: (await pids("changed"))[0],
      supervisor: await property("opencode-supervisor.service", "MainPID"),
      table: await table(),
    };
    await host.switch("second");
    await supervised.untilAll(SECOND);
  });

  test("restarts what changed and nothing else", async () => {
    await play("generation-second");
    assert.deepEqual(await pids("same", "policy"), earlier.running);
    assert.notEqual((await pids("changed"))[0], earlier.changed);
    assert.equal(await property("opencode-supervisor.service", "MainPID"), earlier.supervisor);
    await host.machine.waitFor("the new environment", async () =>
      /^GENERATION=second$/m.test(await host.seen("changed")),
    );
  });

  test("a changed allow-list is in the kernel, and restarts nothing", async () => {
    assert.match(earlier.table, /192\.0\.2\.0\/25/);
    assert.match(await table(), /198\.51\.100\.0\/24/);
    assert.doesNotMatch(await table(), /192\.0\.2\.0\/25/);
    assert.match(await property("opencode-policy.service", "IPAddressAllow"), /198\.51\.100\.0\/24/);
  });

  test("Disabled instance does not start; what is disabled or removed no longer runs, and keeps its state", async () => {
    assert.deepEqual(await pids("disabled", "removed"), [0, 0]);
    await host.machine.exec(["ls", "/var/lib/opencode/instance-state/removed/.config/opencode/opencode.json"]);
  });

  test("hook failure fails setup of the broken one, and the others run", async () => {
    assert.equal(await property("opencode-broken-setup.service", "ActiveState"), "failed");
    assert.deepEqual(await pids("broken"), [0]);
    assert.ok((await pids("added", "changed", "policy", "same")).every((pid) => pid > 0));
  });

  test("rolled back, the first generation runs again, and what is in both was never touched", async () => {
    await host.switch("first");
    await supervised.untilAll(FIRST);
    await play("generation-first");
    assert.deepEqual(await pids("same", "policy"), earlier.running);
    assert.deepEqual(await pids("added", "broken"), [0, 0]);
    await host.machine.waitFor("the old environment", async () =>
      /^GENERATION=first$/m.test(await host.seen("changed")),
    );
  });
});

test("without its drop-in an instance does not start: it fails closed", async () => {
  await host.machine.sh("rm -r /nix/store/first-etc/systemd/opencode-changed.service.d");
  await host.machine.exec(["systemctl", "daemon-reload"]);
  await host.machine.exec(["systemctl", "stop", "opencode-changed.service"]);
  await supervised.cli("start", "changed");
  const { why } = await supervised.until("changed", "blocked");
  assert.match(why ?? "", /opencode-changed\.service has a bad unit file setting/);
  assert.deepEqual(await pids("changed"), [0]);
  // And when it is there again, the next switch starts it.
  await host.switch("first");
  await supervised.untilAll(FIRST);
});

test("the module switched off leaves nothing of it running", async () => {
  await host.switch("none");
  const listed = ["list-units", "--no-legend", "--plain", "--state=active", "opencode*.service", "opencode.target"];
  // A switch waits for the target's own stop; setups stop with it, each after its server.
  await host.machine.waitFor("the end of all", async (saw) => {
    const { stdout } = await host.machine.exec(["systemctl", ...listed]);
    saw(stdout);
    return stdout === "";
  });
  assert.equal((await host.machine.exec(["pgrep", "-f", "opencode-init"], { check: false })).code, 1);
});
