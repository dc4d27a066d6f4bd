/** The daemon is stopped, killed, hung and restarted: instances run on, and the next daemon takes them up as they are. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { INSTANCE_FILE, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { fileOf, light, Supervised } from "./testing.ts";

const isolation = { networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.0/24"] } };
const INSTANCES = { a: light("a", 7001), b: light("b", 7002, isolation), c: light("c", 7003, isolation) };
const RUNNING = { a: "starting", b: "starting", c: "starting" } as const;
const UNITS = ["a", "b", "c"].map((name) => `opencode-${name}.service`);

describe("a daemon that comes and goes", () => {
  let host: Supervised;
  /** What a restart of anything would change: pids and invocations of every unit, and what the kernel has. */
  const fingerprint = async () => {
    const units = await Promise.all(
      UNITS.flatMap((unit) => [unit, unit.replace(".service", "-setup.service")]).map((unit) =>
        host.systemctl("show", "-p", "Id,MainPID,InvocationID,NRestarts", unit),
      ),
    );
    const { stdout } = await host.machine.exec(["nft", "list", "table", "inet", "opencode_supervisor"]);
    const policies = stdout.split("\n").filter((line) => /comment "policy | : jump out_/.test(line));
    return [...units, ...policies.sort()].join("\n");
  };
  const ready = async () => {
    await host.waitForUnit(SUPERVISOR_UNIT);
    await host.waitFor("the API", async () => (await host.status()).state === "ok");
    await host.untilAll(RUNNING);
    for (const unit of UNITS) await host.waitForUnit(unit);
  };

  before(async () => {
    host = await Supervised.up("adoption", INSTANCES);
    await ready();
  });
  after(async () => {
    await host?.down();
  });

  it("restarted, killed, stopped and started five times, it restarts nothing and has the right answers", async () => {
    const before = await fingerprint();
    const restart = ["systemctl restart opencode-supervisor"];
    const kill = ["systemctl kill --signal=KILL opencode-supervisor"];
    const pause = ["systemctl stop opencode-supervisor", "systemctl start opencode-supervisor"];
    for (const commands of [restart, kill, pause, kill, restart]) {
      const daemon = await host.show(SUPERVISOR_UNIT, "MainPID");
      for (const command of commands) await host.machine.sh(command);
      await host.waitFor("another daemon", async () => {
        const now = await host.show(SUPERVISOR_UNIT, "MainPID");
        return now !== "0" && now !== daemon;
      });
      await ready();
      assert.equal(await fingerprint(), before, commands.join());
    }
    const instances = await host.instances();
    assert.deepEqual(
      [...instances.values()].map(({ policy }) => policy),
      [
        { wanted: "none", inForce: true },
        { wanted: "enforce", inForce: true },
        { wanted: "enforce", inForce: true },
      ],
    );
  });

  it("what changed in the file while it was away is done when it is back, and nothing else", async () => {
    const [a, b] = await host.pids("a", "b");
    await host.systemctl("stop", SUPERVISOR_UNIT);
    const { c: _, ...kept } = INSTANCES;
    await host.write({ ...kept, b: { ...kept.b, logLevel: "WARN" }, d: light("d", 7004) });
    await host.systemctl("start", SUPERVISOR_UNIT);
    await host.untilAll({ a: "starting", b: "starting", d: "starting" });
    const now = await host.pids("a", "b");
    assert.equal(now[0], a);
    assert.notEqual(now[1], b);
    await host.write(INSTANCES);
    await host.reload();
    await host.untilAll(RUNNING);
  });

  it("what was stopped with the target while no daemon was there comes back with the target", async () => {
    const pids = await host.pids("a", "b", "c");
    await host.systemctl("stop", SUPERVISOR_UNIT, "opencode.target");
    await host.systemctl("start", "opencode.target");
    await ready();
    const now = await host.pids("a", "b", "c");
    assert.equal(now.filter((pid) => pid === 0 || pids.includes(pid)).length, 0);
    await host.systemctl("stop", "opencode-a.service");
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.untilAll({ ...RUNNING, a: "stopped" });
    await host.cli("start", "a");
    await ready();
  });

  it("killed in the middle of its work, wherever that is, the next one brings it to its end", async () => {
    const at = (round: number) =>
      Object.fromEntries(
        Object.entries(INSTANCES).map(([name, spec]) => [name, { ...spec, environment: { ROUND: String(round) } }]),
      );
    const active = (unit: string) => host.show(unit, "ActiveState");
    const moments: readonly (readonly [when: string, is: () => Promise<boolean>])[] = [
      ["the old server is gone", async () => (await host.pids("a"))[0] === 0],
      ["setup runs", async () => (await active("opencode-b-setup.service")) === "activating"],
      ["setup is done", async () => (await active("opencode-c-setup.service")) === "active"],
      ["the new server runs", async () => (await host.show("opencode-a.service", "Environment")).includes("ROUND=3")],
    ];
    for (const [round, [when, is]] of moments.entries()) {
      await host.write(at(round));
      await host.waitFor(when, is);
      await host.systemctl("kill", "--signal=KILL", SUPERVISOR_UNIT);
    }
    await ready();
    for (const unit of UNITS) assert.match(await host.show(unit, "Environment"), /ROUND=3/);
    await host.write(INSTANCES);
    await host.waitFor("the old ones", async () => {
      const all = await Promise.all(UNITS.map((unit) => host.show(unit, "Environment")));
      return all.every((environment) => environment !== "" && !environment.includes("ROUND"));
    });
    await ready();
  });

  it("a broken file at its start leaves all as they are, however they change, until the file is mended", async () => {
    const before = await fingerprint();
    await host.machine.writeFile(INSTANCE_FILE, '{"version":1,"instances":{');
    await host.systemctl("restart", SUPERVISOR_UNIT);
    const { problems, instances } = await host.status();
    assert.deepEqual([problems.length, instances], [1, { invalid: 3 }]);
    assert.equal(await fingerprint(), before);
    const [a] = await host.pids("a");
    await host.systemctl("kill", "--signal=KILL", "opencode-a.service"); // systemd restarts it: an event of a unit left alone
    await host.waitFor("a again", async () => ![0, a].includes((await host.pids("a"))[0]));
    const [again] = await host.pids("a");
    await host.machine.writeFile(INSTANCE_FILE, fileOf(INSTANCES));
    await ready();
    assert.deepEqual(await host.pids("a"), [again]);
  });

  it("an instance stopped by hand stays stopped over a new daemon, until it is started through the supervisor", async () => {
    await host.systemctl("stop", "opencode-a.service");
    await host.until("a", "stopped");
    await host.systemctl("restart", SUPERVISOR_UNIT);
    const { why } = await host.until("a", "stopped");
    assert.match(why ?? "", /stopped by hand.*opencode-supervisor start/);
    assert.equal((await host.cli("reload")).code, 0, "which is as it should be: nobody is needed");
    await host.until("a", "stopped");
    assert.equal((await host.cli("start", "a")).code, 0);
    await host.until("a", "starting");
    await ready();
  });

  it("one stopped by hand while there was no daemon is taken for that as well", async () => {
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await host.systemctl("stop", "opencode-a.service");
    await host.systemctl("start", SUPERVISOR_UNIT);
    await host.until("a", "stopped");
    await host.cli("start", "a");
    await ready();
  });

  it("a changed spec starts one that was stopped by hand", async () => {
    await host.systemctl("stop", "opencode-a.service");
    await host.until("a", "stopped");
    await host.write({ ...INSTANCES, a: { ...INSTANCES.a, logLevel: "WARN" } });
    await host.until("a", "starting");
    await host.write(INSTANCES);
    await host.reload();
    await ready();
  });

  it("a daemon that hangs is killed by systemd's watchdog and replaced; the instances run on", async () => {
    assert.equal(await host.show(SUPERVISOR_UNIT, "Type"), "notify-reload");
    assert.equal(await host.show(SUPERVISOR_UNIT, "WatchdogUSec"), "30s");
    const before = await fingerprint();
    await host.machine.writeFile(
      `/run/systemd/system/${SUPERVISOR_UNIT}.d/watchdog.conf`,
      "[Service]\nWatchdogSec=8\n",
    );
    await host.machine.sh("systemctl daemon-reload; systemctl restart opencode-supervisor");
    const beat = await host.show(SUPERVISOR_UNIT, "WatchdogTimestampMonotonic");
    await host.waitFor("a beat", async () => {
      return (await host.show(SUPERVISOR_UNIT, "WatchdogTimestampMonotonic")) !== beat;
    });
    const daemon = await host.show(SUPERVISOR_UNIT, "MainPID");
    await host.machine.exec(["kill", "-STOP", daemon]);
    await host.waitFor("another daemon", async () => {
      const now = await host.show(SUPERVISOR_UNIT, "MainPID");
      return now !== "0" && now !== daemon;
    });
    await ready();
    assert.equal(await fingerprint(), before);
    const [entry] = await host.machine.journal({ unit: SUPERVISOR_UNIT, grep: "Watchdog timeout" });
    assert.ok(entry !== undefined);
  });
});
