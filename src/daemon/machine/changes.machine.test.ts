/** The file changes while instances run: what changed is done, and nothing else is touched. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { INSTANCE_FILE, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { fileOf, type Instances, light, Supervised, scripted } from "./testing.ts";

const isolated = (...outboundAllowCidrs: string[]) => ({ networkIsolation: { enable: true, outboundAllowCidrs } });
/** Ends when it is allowed to; killed after 15 s, less than a reload waits. */
const slow = (COLOR: string) =>
  scripted("slow", 7005, "trap 'until [ -e go ]; do sleep 0.1; done; exit' TERM; while :; do sleep 0.1; done", {
    environment: { COLOR },
    sandbox: { serviceConfig: { TimeoutStopSec: 15 } },
  });
const abc = { a: light("a", 7001), b: light("b", 7002), c: light("c", 7003, isolated("192.0.2.0/24")) };

describe("a changed instance file", () => {
  let host: Supervised;
  const running = { a: "starting", b: "starting", c: "starting" } as const;
  const table = async () => (await host.machine.exec(["nft", "list", "table", "inet", "opencode_supervisor"])).stdout;
  /** The file as text, taken in by a reload. */
  const take = async (instances: Instances) => {
    await host.write(instances);
    await host.reload();
  };

  before(async () => {
    host = await Supervised.up("changes", abc);
    await host.untilAll(running);
  });
  after(async () => {
    await host?.down();
  });

  it("adds one and leaves the others their processes", async () => {
    const pids = await host.pids("a", "b", "c");
    await take({ ...abc, d: light("d", 7004) });
    await host.untilAll({ ...running, d: "starting" });
    assert.deepEqual(await host.pids("a", "b", "c"), pids);
  });

  it("restarts the one that is changed", async () => {
    const [a, b, c] = await host.pids("a", "b", "c");
    await take({ ...abc, b: light("b", 7002, { environment: { COLOR: "blue" } }) });
    await host.until("b", "starting", ({ pid }) => pid !== b);
    assert.match(await host.show("opencode-b.service", "Environment"), /COLOR=blue/);
    assert.deepEqual(await host.pids("a", "c"), [a, c]);
  });

  it("takes away the one that is removed, and the one that is disabled, but not their state", async () => {
    const [a] = await host.pids("a");
    await take({ a: abc.a, b: { ...abc.b, enable: false } });
    await host.untilAll({ a: "starting", b: "disabled" });
    assert.deepEqual(await host.pids("a"), [a]);
    assert.deepEqual(
      (await host.remains()).filter((what) => !/(opencode-a|\/a)(\b|$)/.test(what)),
      [
        ...["opencode.slice", "table inet opencode_supervisor"],
        ...["/run/opencode-supervisor/host/etc", "/run/opencode-supervisor/host/sys", "/sys/fs/cgroup/opencode.slice"],
      ],
    );
    await host.machine.exec(["ls", "/var/lib/opencode/instance-state/b/.config/opencode/opencode.json"]);
    await host.password("c");
    await take(abc);
    await host.untilAll(running);
  });

  it("changes a network policy on the running instance, and a reload returns with it in the kernel", async () => {
    const pids = await host.pids("a", "b", "c");
    assert.match(await table(), /192\.0\.2\.0\/24/);
    for (const cidr of ["198.51.100.0/24", "203.0.113.0/24"]) {
      await take({ ...abc, c: light("c", 7003, isolated(cidr)) });
      const now = await table();
      assert.ok(now.includes(cidr) && !now.includes("192.0.2.0/24"), now);
      assert.match(await host.show("opencode-c.service", "IPAddressAllow"), new RegExp(cidr.replaceAll(".", "\\.")));
    }
    assert.deepEqual(await host.pids("a", "b", "c"), pids);
    await take(abc);
  });

  it("changes a network policy also after somebody restarted the instance's slice: in force says so, and is so", async () => {
    await host.systemctl("restart", "opencode-c.slice");
    await host.until("c", "starting", ({ policy }) => policy.inForce);
    await take({ ...abc, c: light("c", 7003, isolated("198.51.100.0/24")) });
    const now = await table();
    assert.ok(now.includes("198.51.100.0/24") && !now.includes("192.0.2.0/24"), now);
    await take(abc);
    await host.untilAll(running);
  });

  it("a SIGHUP takes it in like a reload", async () => {
    await host.machine.writeFile(`${INSTANCE_FILE}.next`, fileOf({ ...abc, a: { ...abc.a, logLevel: "DEBUG" } }));
    const [before] = await host.pids("a");
    await host.machine.sh(`mv ${INSTANCE_FILE}.next ${INSTANCE_FILE}; systemctl kill --signal=HUP opencode-supervisor`);
    await host.until("a", "starting", ({ pid }) => pid !== before);
    await take(abc);
    await host.untilAll(running);
  });

  it("`opencode-supervisor reload` prints what could not be done and exits 1, and 0 once all is well", async () => {
    const nowhere = { ...abc, a: light("a", 7001, { directory: "/nowhere/at/all" }) };
    await host.machine.writeFile(INSTANCE_FILE, fileOf(nowhere));
    const failed = await host.cli("reload");
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /^a +blocked /m);
    assert.match(failed.stdout, /a: directory: \/nowhere\/at\/all does not exist; make it: install -d/);
    await take(abc);
    await host.untilAll(running);
    const fine = await host.cli("reload");
    assert.deepEqual([fine.code, fine.stderr], [0, ""]);
  });

  it("a file renamed into place is noticed by itself", async () => {
    await host.write({ ...abc, d: light("d", 7004) });
    await host.until("d", "starting");
    await host.write(abc);
    await host.untilAll(running);
  });

  it("a file written in place, half at first, is taken in when it is whole; until then nothing changes", async () => {
    const pids = await host.pids("a", "b", "c");
    const whole = fileOf({ ...abc, d: light("d", 7004) });
    const half = Math.floor(whole.length / 2);
    await host.machine.exec(["sh", "-c", `cat >${INSTANCE_FILE}`], { input: whole.slice(0, half) });
    await host.waitFor("half a file is a problem", async () => (await host.status()).problems.length > 0);
    await host.machine.exec(["sh", "-c", `cat >>${INSTANCE_FILE}`], { input: whole.slice(half) });
    await host.until("d", "starting");
    assert.equal((await host.status()).state, "ok");
    assert.deepEqual(await host.pids("a", "b", "c"), pids);
  });

  it("a symbolic link to a file elsewhere is followed, and what it leads to is watched", async () => {
    await host.machine.writeFile("/etc/elsewhere.json", fileOf(abc));
    await host.machine.sh(
      `ln -s /etc/elsewhere.json ${INSTANCE_FILE}.new && mv -T ${INSTANCE_FILE}.new ${INSTANCE_FILE}`,
    );
    await host.untilAll(running);
    await host.machine.writeFile("/etc/elsewhere.json", fileOf({ ...abc, d: light("d", 7004) }));
    await host.until("d", "starting");
    await host.machine.exec(["sh", "-c", "cat >/etc/elsewhere.json"], { input: fileOf(abc) });
    await host.untilAll(running);
  });

  it("another file is taken in while a server that the one before stops takes its time, also by a new daemon", async () => {
    await take({ ...abc, slow: slow("red") });
    await host.waitForUnit("opencode-slow.service");
    const [pid] = await host.pids("slow");
    await host.write({ ...abc, slow: slow("blue") });
    await host.until("slow", "stopping");
    await host.write({ ...abc, slow: slow("blue"), d: light("d", 7004) });
    await host.until("d", "starting");
    assert.equal((await host.until("slow", "stopping")).pid, pid);
    await host.systemctl("restart", "--no-block", SUPERVISOR_UNIT);
    await host.write({ ...abc, slow: slow("blue") });
    await host.untilAll({ ...running, slow: "stopping" });
    await host.machine.sh("touch /srv/slow/go");
    await host.until("slow", "starting", (status) => status.pid !== null && status.pid !== pid);
    await take(abc);
    await host.untilAll(running);
  });
});
