/** Everything comes to an end: the target is stopped, the last instance removed, the supervisor torn down. Nothing is left. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Value } from "typebox/value";
import { ANSWERS } from "../../cli/answers.ts";
import { INSTANCE_FILE, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised } from "./testing.ts";

const isolation = { networkIsolation: { enable: true } };
const nice = { sandbox: { serviceConfig: { Nice: 5 } } };
const INSTANCES = { a: light("a", 7001), "b-2": light("b-2", 7002, isolation), c: light("c", 7003, nice) };
const RUNNING = { a: "starting", "b-2": "starting", c: "starting" } as const;

describe("the end", () => {
  let host: Supervised;
  const nothingRemains = () =>
    host.waitFor("nothing left", async (saw) => {
      const left = await host.remains();
      // A daemon that runs keeps its socket and what its users were made from.
      const others = left.filter((what) => !/\/(status\.sock|sysusers\.conf)$/.test(what));
      saw(others);
      return others.length === 0;
    });
  const up = async () => {
    await host.untilAll(RUNNING);
    for (const name of Object.keys(RUNNING)) await host.waitForUnit(`opencode-${name}.service`);
  };
  /** What is to outlive everything: a mark in each HOME, and each password. */
  const state = async () => {
    const script = "sha256sum /var/lib/opencode/instance-state/*/mark /var/lib/opencode-supervisor/passwords/*";
    return (await host.machine.sh(script)).stdout;
  };
  let kept = "";

  before(async () => {
    host = await Supervised.up("endings", INSTANCES);
    await up();
    await host.machine.sh("for home in /var/lib/opencode/instance-state/*; do echo $home >$home/mark; done");
    kept = await state();
  });
  after(async () => {
    await host?.down();
  });

  it("there is something to take away: units, slices, drop-ins, roots, a table", async () => {
    const left = (await host.remains()).join("\n");
    for (const name of Object.keys(INSTANCES)) assert.match(left, new RegExp(`^opencode-${name}-setup.service$`, "m"));
    assert.match(left, /^opencode-b\\x2d2\.slice$/m);
    assert.match(left, /^table inet opencode_supervisor/m);
    assert.match(left, /^\/run\/systemd\/system\/opencode-c\.service\.d/m);
    assert.match(left, /^\/run\/opencode-supervisor\/root\/a$/m);
  });

  it("stopping opencode.target stops all of it and leaves nothing; starting it brings all back", async () => {
    await host.systemctl("stop", "opencode.target");
    await nothingRemains();
    const { target, instances } = await host.status();
    assert.deepEqual([target, instances], ["inactive", {}]);
    assert.match((await host.cli("status")).stdout, /opencode\.target is not active.*systemctl start opencode\.target/);
    for (const command of ["show", "start"]) {
      const { code, stderr } = await host.cli(command, "a");
      assert.equal(code, 1, stderr);
      assert.match(stderr, /a does not run: opencode\.target is not active \(systemctl start opencode\.target\)/);
    }
    assert.equal((await host.cli("reload", "--wait")).code, 0, "there is nothing to wait for");
    await host.systemctl("start", "opencode.target");
    await up();
    assert.equal(await state(), kept);
  });

  it("stopped and started in haste, three times, it ends up running", async () => {
    await host.machine.sh("for i in 1 2 3; do systemctl stop opencode.target; systemctl start opencode.target; done");
    await up();
    assert.equal((await host.status()).state, "ok");
  });

  it("restarting the target restarts every instance", async () => {
    const invocations = () =>
      Promise.all(Object.keys(RUNNING).map((name) => host.show(`opencode-${name}.service`, "InvocationID")));
    const before = await invocations();
    await host.systemctl("restart", "opencode.target");
    await host.waitFor("other invocations", async () =>
      (await invocations()).every((id, at) => id !== "" && id !== before[at]),
    );
    await up();
    assert.equal((await host.status()).state, "ok");
  });

  it("stopping the target while there is no daemon stops the instances, and the next daemon takes the rest away", async () => {
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await host.systemctl("stop", "opencode.target");
    assert.deepEqual(await host.pids("a", "b-2", "c"), [0, 0, 0]);
    await host.systemctl("start", SUPERVISOR_UNIT);
    await nothingRemains();
    await host.systemctl("start", "opencode.target");
    await up();
  });

  it("removing the last instance leaves nothing, and one that is added afterwards runs", async () => {
    await host.write({});
    await nothingRemains();
    await host.write({ a: INSTANCES.a });
    await host.untilAll({ a: "starting" });
    await host.write({});
    await nothingRemains();
    await host.write(INSTANCES);
    await up();
  });

  for (const [given, command] of [
    ["the daemon running", "true"],
    ["the daemon killed", `systemctl kill --signal=KILL ${SUPERVISOR_UNIT}; systemctl stop ${SUPERVISOR_UNIT}`],
    ["the instance file gone", `mv ${INSTANCE_FILE} ${INSTANCE_FILE}.away`],
  ] as const) {
    it(`teardown with ${given} leaves no unit, slice, table, drop-in or runtime directory; state and passwords stay`, async () => {
      await host.machine.sh(command);
      const { code, stdout, stderr } = await host.cli("teardown");
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /nothing of the instances is left but their state/);
      assert.deepEqual(await host.remains(), []);
      await host.machine.sh("! test -e /run/opencode-supervisor; ! systemctl is-active opencode-supervisor.service");
      assert.equal(await state(), kept);
      await host.write(INSTANCES);
      await host.systemctl("start", "opencode.target");
      await up();
    });
  }

  it("teardown says with --json what it took away; twice is no mistake", async () => {
    for (const removed of [Object.keys(INSTANCES), []]) {
      const { code, stdout } = await host.cli("teardown", "--json");
      const told = Value.Parse(ANSWERS.teardown, JSON.parse(stdout));
      assert.deepEqual([code, told.ok, told.removed.toSorted(), told.left], [0, true, removed, []]);
    }
    assert.deepEqual(await host.remains(), []);
  });
});
