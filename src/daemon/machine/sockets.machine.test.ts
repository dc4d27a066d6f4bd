/** The sockets are systemd's: who asks while there is no daemon gets his answer, and nothing of them is left afterwards. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RUNTIME_DIR, SUPERVISOR_SOCKETS, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised } from "./testing.ts";

const ALL = [...SUPERVISOR_SOCKETS, SUPERVISOR_UNIT];
const CURL = `curl -sS --max-time 60 --unix-socket ${RUNTIME_DIR}/status.sock`;

describe("the sockets of the supervisor", () => {
  let host: Supervised;
  const sh = async (script: string) => (await host.machine.sh(script)).stdout.trim();
  const modes = () => sh(`stat -c '%n %U:%G %a' ${RUNTIME_DIR}/*.sock`);
  const MODES = [`${RUNTIME_DIR}/control.sock root:root 600`, `${RUNTIME_DIR}/status.sock root:opencode 660`].join(
    "\n",
  );

  before(async () => {
    host = await Supervised.up("sockets", { a: light("a", 8001) });
    await host.untilAll({ a: "starting" });
  });
  after(async () => {
    await host?.down();
  });

  it("are made by systemd, for a group and for root", async () => {
    assert.equal(await modes(), MODES);
    for (const unit of SUPERVISOR_SOCKETS) assert.equal(await host.show(unit, "SubState"), "running");
  });

  for (const [how, commands] of [
    ["restarted", [`systemctl restart ${SUPERVISOR_UNIT}`]],
    ["killed", [`systemctl kill --signal=KILL ${SUPERVISOR_UNIT}`]],
    [
      "stopped, and started a little later",
      [`systemctl stop ${SUPERVISOR_UNIT}`, `systemctl start ${SUPERVISOR_UNIT}`],
    ],
  ] as const) {
    it(`who asks while it is ${how} waits, and is told how all is`, async () => {
      const daemon = await host.show(SUPERVISOR_UNIT, "MainPID");
      // One question after the other, by the program that people use and by one that knows nothing of restarts, until
      // another daemon has answered; each has to be answered in full.
      const asking = host.machine.sh(`
        while : ; do
          opencode-supervisor status --json >/root/answer || { echo "status: $?"; exit 1; }
          jq -e '.list[0] | .name == "a" and .state == "starting"' /root/answer >/dev/null || { cat /root/answer; exit 1; }
          [ "$(jq .pid /root/answer)" = ${daemon} ] || break
        done`);
      for (const command of commands) await host.machine.sh(command);
      await asking;
      assert.notEqual(await host.show(SUPERVISOR_UNIT, "MainPID"), daemon);
      assert.equal(await modes(), MODES);
    });
  }

  it("a question starts a daemon that was stopped, and the instances run on", async () => {
    const pids = await host.pids("a");
    await host.systemctl("stop", SUPERVISOR_UNIT);
    const answer = await sh(`${CURL} http://localhost/v1/instances`);
    assert.match(answer, /"name":"a","state":"starting"/);
    assert.deepEqual(await host.pids("a"), pids);
  });

  it("are passed to nobody else", async () => {
    const [pid = 0] = await host.pids("a");
    const daemon = await host.show(SUPERVISOR_UNIT, "MainPID");
    const listening = `ss -Hxlp src ${RUNTIME_DIR}/'*.sock'`;
    assert.match(await sh(`tr '\\0' '\\n' </proc/${daemon}/environ`), /^LISTEN_FDS=2$/m, "the search works");
    assert.doesNotMatch(await sh(`tr '\\0' '\\n' </proc/${pid}/environ`), /^LISTEN_/m);
    const holders = [...(await sh(listening)).matchAll(/\("([^"]+)"/g)].map(([, name]) => name);
    assert.deepEqual([...new Set(holders)].sort(), ["MainThread", "systemd"]);
    // A program that the daemon runs while it answers: it reads the journal.
    assert.match(await sh(`${CURL} http://localhost/v1/instances/a/logs`), /"lines":/);
  });

  it("are gone when they are stopped, and the program says how to have them again", async () => {
    await host.systemctl("stop", ...ALL);
    await sh(`! ls ${RUNTIME_DIR}/*.sock`);
    const { code, stderr } = await host.cli("status");
    assert.deepEqual([code, /systemctl start opencode\.target/.test(stderr)], [69, true]);
    await host.systemctl("start", "opencode.target");
    await host.untilAll({ a: "starting" });
    assert.equal(await modes(), MODES);
  });

  it("without them, as by hand, the daemon makes its own; what a crash of it leaves is replaced", async () => {
    const second = await host.cli("daemon");
    assert.deepEqual([second.code, /runs already; first: systemctl stop/.test(second.stderr)], [69, true]);
    await host.systemctl("stop", ...ALL);
    await sh("systemd-run --unit by-hand --property=UMask=0077 opencode-supervisor daemon");
    await host.untilAll({ a: "starting" });
    assert.equal(await modes(), MODES);
    await sh("systemctl kill --signal=KILL by-hand; until ! systemctl is-active by-hand; do sleep 0.1; done");
    assert.equal(await modes(), MODES, "left over");
    await host.systemctl("start", "opencode.target");
    await host.untilAll({ a: "starting" });
    assert.equal(await modes(), MODES);
    assert.equal(await host.show(SUPERVISOR_SOCKETS[0], "SubState"), "running");
  });

  it("teardown leaves none, also when nothing of the runtime directory was there for them", async () => {
    for (const given of ["true", `systemctl stop ${ALL.join(" ")}; rm -r ${RUNTIME_DIR}`]) {
      await sh(given);
      const { code, stderr } = await host.cli("teardown");
      assert.deepEqual([code, stderr], [0, ""]);
      await sh(`! test -e ${RUNTIME_DIR}`);
      const { stdout } = await host.machine.exec(["systemctl", "is-active", ...ALL], { check: false });
      assert.deepEqual([...new Set(stdout.trim().split("\n"))], ["inactive"]);
      await host.systemctl("start", "opencode.target");
      await host.untilAll({ a: "starting" });
    }
  });
});
