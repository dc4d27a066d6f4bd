/** Servers that end by themselves, and what systemctl does to them by hand. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised, scripted } from "./testing.ts";

/** Quick to give up; the real delays are asked of the other one. */
const hasty = {
  sandbox: { serviceConfig: { RestartSec: "100ms", RestartMaxDelaySec: "200ms", StartLimitBurst: 3 } },
};
const LAST_WORDS = "echo first try; echo 'cannot open the database: disk I/O error' >&2; exit 3";
/** Takes its time to end; who is in a hurry kills it. */
const DEAF = "trap '' TERM; while :; do sleep 1; done";
const INSTANCES = {
  a: light("a", 7001),
  b: light("b", 7002),
  loop: scripted("loop", 7003, LAST_WORDS, hasty),
  deaf: scripted("deaf", 7004, DEAF),
};

describe("a server that ends", () => {
  let host: Supervised;
  const kill = (signal: string) => host.systemctl("kill", `--signal=${signal}`, "opencode-a.service");
  const seconds = async (property: string) => Number.parseFloat(await host.show("opencode-a.service", property));

  before(async () => {
    host = await Supervised.up("crashes", INSTANCES);
    await host.until("a", "starting", ({ pid }) => pid !== null);
  });
  after(async () => {
    await host?.down();
  });

  it("killed, it is started again by systemd, later each time, and says that it waits and why", async () => {
    let delay = 0;
    for (const restarts of [1, 2]) {
      await host.waitForUnit("opencode-a.service");
      const [pid] = await host.pids("a");
      await kill("KILL");
      // What systemd says of it comes in two messages.
      const { why, lastExit } = await host.until("a", "backing-off", (status) => status.lastExit !== null);
      assert.deepEqual([why, lastExit], ["the server failed: killed by signal 9", "killed by signal 9"]);
      const next = await seconds("RestartUSecNext");
      assert.ok(next > delay, `${next} s after ${delay} s`);
      delay = next;
      const again = await host.until("a", "starting", (status) => status.restarts === restarts && status.pid !== null);
      assert.notEqual(again.pid, pid);
    }
  });

  it("ended by somebody's SIGTERM, as agents do to each other, it comes back too", async () => {
    await host.waitForUnit("opencode-a.service");
    const [pid] = await host.pids("a");
    await kill("TERM");
    await host.until("a", "starting", (status) => status.pid !== null && status.pid !== pid);
  });

  it("`systemctl restart` gives it a new process and the supervisor has nothing to say against it", async () => {
    await host.waitForUnit("opencode-a.service");
    const [a, b] = await host.pids("a", "b");
    await host.systemctl("restart", "opencode-a.service");
    const { pid } = await host.until("a", "starting", (status) => status.pid !== null && status.pid !== a);
    const cursor = await host.machine.journalCursor();
    await host.reload();
    assert.deepEqual(await host.pids("a", "b"), [pid, b]);
    assert.deepEqual(await host.machine.journal({ unit: SUPERVISOR_UNIT, afterCursor: cursor, grep: "a: " }), []);
  });

  it("stopped by systemctl it is stopped, not failed, also when it has to be killed for it", async () => {
    await host.waitForUnit("opencode-deaf.service");
    await host.systemctl("stop", "--no-block", "opencode-deaf.service");
    await host.until("deaf", "stopping");
    await host.systemctl("kill", "--signal=KILL", "opencode-deaf.service");
    const { why } = await host.until("deaf", "stopped");
    assert.match(why ?? "", /stopped by hand/);
  });

  it("failing again and again it is given up, and its last words are in the status", async () => {
    const { why, output, lastExit, restarts } = await host.until("loop", "failed", ({ output }) => output.length > 0);
    assert.match(why ?? "", /^the server failed: .*(too often|exit status 3)/);
    assert.match(why ?? "", /opencode-supervisor start loop/, "what to do about it");
    assert.ok(restarts > 1);
    assert.match(lastExit ?? "", /exit status 3/);
    assert.deepEqual(output.slice(-2), ["first try", "cannot open the database: disk I/O error"]);
    const { code, stdout } = await host.cli("status");
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^loop: the server failed: .*\n( {2}\| .*\n)* {2}\| cannot open the database: disk I\/O error$/m,
    );
  });

  it("given up, it is tried again by `opencode-supervisor start`, and by nothing else", async () => {
    const invocation = () => host.show("opencode-loop.service", "InvocationID");
    const before = await invocation();
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.until("loop", "failed");
    assert.equal(await invocation(), before);
    await host.cli("start", "loop");
    await host.waitFor("another try", async () => (await invocation()) !== before);
    await host.until("loop", "failed");
  });

  it("mended in the file, it runs", async () => {
    await host.write({ ...INSTANCES, loop: light("loop", 7003) });
    const { output, lastExit, why } = await host.until("loop", "starting", ({ pid }) => pid !== null);
    assert.deepEqual([output, lastExit], [[], null]);
    assert.doesNotMatch(why ?? "", /failed/);
  });
});
