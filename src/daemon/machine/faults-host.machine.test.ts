/** What the host does to the supervisor: bus, systemd, netfilter and journal go away and come back. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { INSTANCE_FILE, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { fileOf, light, Supervised, scripted } from "./testing.ts";

const isolation = { networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.0/24"] } };
const TABLE = "inet opencode_supervisor";

describe("the bus and systemd", () => {
  const both = { a: light("a", 7001), b: light("b", 7002, isolation) };
  /** Its setup ends when the test says so. */
  const slow = scripted("slow", 7003, "exec sleep infinity", {
    preInitScript: "until [ -e /srv/slow/go ]; do sleep 0.05; done",
    environment: { ROUND: "0" },
  });
  const round = (number: number) => ({ ...slow, environment: { ROUND: String(number) } });
  let host: Supervised;
  const steady = async () => {
    await host.waitFor("the bus", async () => (await host.status()).systemd.connected);
    await host.untilAll({ a: "starting", b: "starting", slow: "starting" });
  };

  before(async () => {
    host = await Supervised.up("host-bus", { ...both, slow });
    await host.machine.exec(["touch", "/srv/slow/go"]);
    await steady();
  });
  after(async () => {
    await host?.down();
  });

  // `reset-failed` clears the count of starts: we restart the bus more often than StartLimitBurst= lets anybody.
  const restart = "systemctl reset-failed dbus.service; systemctl restart dbus.service";
  const BLOWS = [
    ["the bus is restarted", restart],
    ["systemd is executed anew", "systemctl daemon-reexec"],
    ["systemd reads its units anew", "systemctl daemon-reload"],
    ["all of that happens at once", `systemctl daemon-reload; ${restart}; systemctl daemon-reexec`],
  ] as const;

  for (const [index, [given, command]] of BLOWS.entries()) {
    it(`while instances run, ${given}: none is restarted, and the supervisor goes on with its work`, async () => {
      const pids = await host.pids("a", "b", "slow");
      const daemon = await host.show(SUPERVISOR_UNIT, "MainPID");
      for (const _ of [1, 2]) await host.machine.sh(command);
      await steady();
      await host.write({ ...both, slow: round(0), d: light("d", 7004) });
      await host.until("d", "starting", ({ pid }) => pid !== null);
      await host.write({ ...both, slow: round(0) });
      await steady();
      assert.deepEqual(await host.pids("a", "b", "slow"), pids);
      assert.equal(await host.show(SUPERVISOR_UNIT, "MainPID"), daemon);
    });

    it(`while one is set up, ${given}: it starts all the same, once`, async () => {
      const pids = await host.pids("a", "b");
      await host.machine.exec(["rm", "/srv/slow/go"]);
      await host.write({ ...both, slow: round(index + 1) });
      await host.until("slow", "setting-up");
      const setup = await host.show("opencode-slow-setup.service", "InvocationID");
      await host.machine.sh(command);
      await host.machine.exec(["touch", "/srv/slow/go"]);
      await host.until("slow", "starting", ({ pid }) => pid !== null);
      await steady();
      assert.equal(await host.show("opencode-slow-setup.service", "InvocationID"), setup);
      assert.deepEqual(await host.pids("a", "b"), pids);
      await host.waitFor("nothing to complain of", async () => (await host.status()).state === "ok");
      await host.write({ ...both, slow: round(0) });
      await host.waitFor("the old one", async () =>
        (await host.show("opencode-slow.service", "Environment")).includes("ROUND=0"),
      );
      await steady();
    });
  }

  it("one that was stopped by hand in the meantime is not started for it", async () => {
    await host.systemctl("stop", "opencode-a.service");
    await host.machine.sh(BLOWS[3][1]);
    await host.until("a", "stopped");
    await host.cli("start", "a");
    await steady();
  });
});

describe("netfilter and the journal", () => {
  const pair = { iso: light("iso", 7001, isolation), open: light("open", 7002) };
  let host: Supervised;
  /** Names of the instances that have an entry in the kernel's map. */
  const registered = async () => {
    const { stdout } = await host.machine.exec(["nft", "list", "map", ...TABLE.split(" "), "instances"]);
    return [...stdout.matchAll(/opencode-([a-z]+)\.slice/g)].map(([, name]) => name).sort();
  };

  before(async () => {
    host = await Supervised.up("host-net");
    await host.projects(pair);
  });
  after(async () => {
    await host?.down();
  });

  it("another process owns our table: the isolated instance is not started and says why, the other one is", async () => {
    const foreign = `(echo 'add table ${TABLE} { flags owner; }'; sleep infinity) | nft -i`;
    await host.machine.exec(["systemd-run", "--quiet", "--unit=foreign", "sh", "-c", foreign]);
    await host.waitFor("the foreign table", async () => {
      return (await host.machine.sh("nft list tables")).stdout.includes(TABLE);
    });
    await host.write(pair);
    await host.systemctl("start", "opencode.target");
    const { why } = await host.until("iso", "blocked");
    assert.match(
      why ?? "",
      /^iso: .*Operation not permitted; stop the process that owns table inet opencode_supervisor/,
    );
    const { policy } = await host.until("open", "starting");
    assert.deepEqual(policy, { wanted: "none", inForce: false });
    assert.deepEqual(await host.pids("iso"), [0]);
    const { egress, state } = await host.status();
    assert.deepEqual([state, egress.table], ["degraded", false]);
    assert.match(egress.why ?? "", /Operation not permitted/);
    assert.match((await host.cli("status")).stdout, /^iso +blocked .* NOT IN FORCE/m);
  });

  it("that process ends: the isolated one starts by itself, and the other one is registered in the table as well", async () => {
    const [open] = await host.pids("open");
    await host.systemctl("stop", "foreign.service");
    const { policy } = await host.until("iso", "starting");
    assert.deepEqual(policy, { wanted: "enforce", inForce: true });
    await host.until("open", "starting", (status) => status.policy.inForce);
    assert.deepEqual(await registered(), ["iso", "open"]);
    assert.deepEqual(await host.pids("open"), [open]);
  });

  it("the table is deleted while there is no daemon: the next one puts every policy back, and restarts nothing", async () => {
    await host.waitForUnit("opencode-iso.service");
    const pids = await host.pids("iso", "open");
    await host.machine.sh(`systemctl kill --signal=KILL ${SUPERVISOR_UNIT}; systemctl stop ${SUPERVISOR_UNIT}`);
    await host.machine.sh(`nft delete table ${TABLE}`);
    await host.systemctl("start", SUPERVISOR_UNIT);
    await host.untilAll({ iso: "starting", open: "starting" });
    assert.deepEqual(await registered(), ["iso", "open"]);
    assert.deepEqual(await host.pids("iso", "open"), pids);
  });

  it("the journal is stopped: instances start and crash as ever, the API answers; later it is written again", async () => {
    const sockets = ["systemd-journald.socket", "systemd-journald-dev-log.socket"];
    await host.systemctl("stop", ...sockets, "systemd-journald.service");
    await host.write({ ...pair, c: light("c", 7003) });
    await host.until("c", "starting", ({ pid }) => pid !== null);
    const [c] = await host.pids("c");
    await host.systemctl("kill", "--signal=KILL", "opencode-c.service");
    await host.until("c", "starting", ({ pid }) => pid !== null && pid !== c);
    await host.systemctl("start", ...sockets, "systemd-journald.service");
    await host.write(pair);
    await host.untilAll({ iso: "starting", open: "starting" });
    await host.waitFor("an entry about c", async () => {
      const matches = ["OPENCODE_INSTANCE=c", `_SYSTEMD_UNIT=${SUPERVISOR_UNIT}`];
      return (await host.machine.journal({ matches })).length > 0;
    });
  });
});

describe("a file system that does not answer", () => {
  const AUTOMOUNT = `
    mknod /dev/autofs c 10 "$(awk '/autofs/ { print $1 }' /proc/misc)"; systemctl daemon-reexec
    printf '#!/bin/sh\\nexec sleep infinity\\n' >/sbin/mount.never; chmod +x /sbin/mount.never
    printf '[Mount]\\nWhat=none\\nWhere=/mnt/never\\nType=never\\nTimeoutSec=infinity\\n' >/run/systemd/system/mnt-never.mount
    printf '[Automount]\\nWhere=/mnt/never\\n' >/run/systemd/system/mnt-never.automount
    systemctl daemon-reload; systemctl start mnt-never.automount`;

  it("keeps those whose projects are on it waiting, and nobody else", async () => {
    await using host = await Supervised.up("host-files", { a: light("a", 7001) });
    await host.until("a", "starting");
    await host.machine.sh(AUTOMOUNT);
    const never = Object.fromEntries(
      Array.from({ length: 8 }, (_, index) => [
        `n${index}`,
        light(`n${index}`, 7100 + index, { directory: "/mnt/never" }),
      ]),
    );
    const all = { a: light("a", 7001), ...never };
    await host.machine.writeFile(INSTANCE_FILE, fileOf(all));
    await host.until("n7", "waiting");
    await host.projects({ b: light("b", 7002) });
    await host.machine.writeFile(INSTANCE_FILE, fileOf({ ...all, b: light("b", 7002) }));
    await host.until("b", "starting");
    assert.equal((await host.instances()).get("n0")?.state, "waiting");
  });
});
