import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Machine } from "../../../testbed/machine.ts";
import { waitFor as until } from "../../../testbed/wait.ts";
import type { UnitProperty } from "../../spec/unit.ts";
import { DBusSystemd } from "./dbus.ts";
import { SystemdError, type SystemdEvent } from "./port.ts";

let machine: Machine;
let systemd: DBusSystemd;
const events: SystemdEvent[] = [];

before(async () => {
  machine = await Machine.up({ name: "dbus" });
  systemd = await DBusSystemd.connect(`unix:path=/proc/${machine.pid}/root/run/dbus/system_bus_socket`);
  systemd.onEvent((event) => events.push(event));
});
after(async () => {
  await systemd.close();
  await machine.down();
});

const run = (...argv: string[]): UnitProperty => ["ExecStart", [[argv[0] ?? "", argv, false]]];
const hash = (text: string): UnitProperty => ["LogExtraFields", [`OPENCODE_SPEC_HASH=${text}`]];
const main = (...properties: UnitProperty[]) => ({ unit: "opencode-a.service", properties });
const setup = (...properties: UnitProperty[]) => ({ unit: "opencode-a-setup.service", properties });
const listed = async () => (await systemd.list(["opencode-*.service"])).map(({ unit, active }) => `${unit} ${active}`);
const heard = (unit: string, active: string) =>
  events.some((event) => event.kind === "unit" && event.record.unit === unit && event.record.active === active);

test("the version is systemd's", async () => {
  const { stdout } = await machine.exec(["systemctl", "--version"]);
  assert.equal(systemd.version, Number(/^systemd (\d+)/.exec(stdout)?.[1]));
});

test("main and setup start in one call, setup first, and are read back with their hash", async () => {
  const needs: UnitProperty[] = [
    ["Requires", ["opencode-a-setup.service"]],
    ["After", ["opencode-a-setup.service"]],
  ];
  const result = await systemd.startTransient(main(["Type", "exec"], run("/bin/sleep", "1000"), hash("h1"), ...needs), [
    setup(["Type", "oneshot"], ["RemainAfterExit", true], run("/bin/true"), hash("h1")),
  ]);
  assert.equal(result, "done");
  const records = await systemd.list(["opencode-*.service"]);
  assert.deepEqual(records.map(({ unit, active, sub, specHash }) => `${unit} ${active} ${sub} ${specHash}`).sort(), [
    "opencode-a-setup.service active exited h1",
    "opencode-a.service active running h1",
  ]);
  assert.ok((records.find(({ unit }) => unit === "opencode-a.service")?.mainPid ?? 0) > 0);
});

test("of hundreds of units each is read whole, though the bus bears only so many calls at once", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `opencode-many${index}.service`);
  const properties = [run("/bin/sleep", "1000"), hash("h2")];
  await Promise.all(names.map((unit) => systemd.startTransient({ unit, properties })));
  const records = await systemd.list(["opencode-many*.service"]);
  assert.deepEqual(
    records.filter(
      ({ active, mainPid, since, specHash }) => active === "active" && mainPid * since > 0 && specHash === "h2",
    ).length,
    names.length,
  );
  await Promise.all(names.map((unit) => systemd.stop(unit)));
});

test("a name in use is refused with an error one can test for", async () => {
  const again = systemd.startTransient(main(["Type", "exec"], run("/bin/sleep", "1000")));
  await assert.rejects(again, (error) => error instanceof SystemdError && error.code.endsWith("UnitExists"));
});

test("a unit that dies is heard of, with how it ended", async () => {
  await machine.exec(["systemctl", "kill", "--signal=KILL", "opencode-a.service"]);
  await until("the failure is heard", () => heard("opencode-a.service", "failed"));
  const last = events.findLast((event) => event.kind === "unit" && event.record.unit === "opencode-a.service");
  assert.ok(last?.kind === "unit");
  assert.deepEqual([last.record.result, last.record.exitStatus, last.record.specHash], ["signal", 9, "h1"]);
});

test("one that is to be started again is told of as that: never as running without a process, as dead or as failed", async () => {
  const unit = "opencode-again.service";
  const again: UnitProperty[] = [
    ["Restart", "always"],
    ["RestartUSec", 600_000_000n],
  ];
  await systemd.startTransient({ unit, properties: [run("/bin/sleep", "1000"), hash("h1"), ...again] });
  events.length = 0;
  await machine.exec(["systemctl", "kill", "--signal=KILL", unit]);
  const told = () =>
    events.flatMap((event) => (event.kind === "unit" && event.record.unit === unit ? [event.record] : []));
  await until("the wait for its next try", () => told().some(({ sub }) => sub === "auto-restart"));
  const said = new Set(told().map(({ sub, mainPid }) => `${sub}, ${mainPid > 0 ? "a process" : "none"}`));
  said.delete("running, a process");
  assert.deepEqual([...said], ["auto-restart, none"]);
  await systemd.stop(unit);
});

test("stopping and resetting a failed unit frees its name; a unit that is not there is already stopped", async () => {
  assert.equal(await systemd.stop("opencode-a.service"), "done");
  await systemd.resetFailed("opencode-a.service");
  await systemd.stop("opencode-a-setup.service");
  assert.deepEqual(await listed(), []);
  assert.equal(await systemd.stop("opencode-none.service"), "done");
  await systemd.resetFailed("opencode-none.service");
});

test("a failing setup keeps main from starting", async () => {
  const needs: UnitProperty[] = [
    ["Requires", ["opencode-a-setup.service"]],
    ["After", ["opencode-a-setup.service"]],
  ];
  const started = systemd.startTransient(main(run("/bin/sleep", "1000"), ...needs), [
    setup(["Type", "oneshot"], ["RemainAfterExit", true], run("/bin/false")),
  ]);
  assert.equal(await started, "dependency");
  await systemd.resetFailed("opencode-a-setup.service");
});

test("an unusable property is refused, not ignored", async () => {
  await assert.rejects(systemd.startTransient(main(run("/bin/true"), ["KillMode", "nonsense"])), SystemdError);
});

test("the cgroup id of an instance's slice is the inode number of its directory below opencode.slice's", async () => {
  assert.equal(await systemd.start("opencode-a.slice"), "done");
  const directory = `/sys/fs/cgroup${await systemd.controlGroup("opencode.slice")}/opencode-a.slice`;
  const [id, inode] = await Promise.all([
    machine.exec(["systemctl", "show", "--value", "-p", "ControlGroupId", "opencode-a.slice"]),
    machine.exec(["stat", "-c", "%i", directory]),
  ]);
  assert.equal(id.stdout, inode.stdout);
  await systemd.stop("opencode-a.slice");
});

test("a restart of the bus fails what is under way, reconnects, and asks for everything to be read anew", async () => {
  events.length = 0;
  await machine.exec(["systemctl", "restart", "dbus.service"]);
  await until("it was noticed", () => events.some((event) => event.kind === "disconnected"));
  await until("it came back", () => events.some((event) => event.kind === "resync"));
  assert.equal(await systemd.startTransient(main(["Type", "exec"], run("/bin/sleep", "1000"), hash("h2"))), "done");
  await until("signals come again", () => heard("opencode-a.service", "active"));
});

test("a daemon-reload removes nothing: it asks for everything to be read anew", async () => {
  events.length = 0;
  await machine.exec(["systemctl", "daemon-reload"]);
  await until("it was noticed", () => events.some((event) => event.kind === "resync"));
  assert.equal(
    events.some(({ kind }) => kind === "removed"),
    false,
  );
  assert.deepEqual(await listed(), ["opencode-a.service active"]);
});

test("a start that is waited for ends also when systemd is executed anew meanwhile", async () => {
  const wait = run("/bin/sh", "-c", "until [ -e /run/go ]; do sleep 0.05; done");
  const started = systemd.startTransient(setup(["Type", "oneshot"], ["RemainAfterExit", true], wait, hash("h3")));
  await until("it starts", () => heard("opencode-a-setup.service", "activating"));
  await machine.exec(["systemctl", "daemon-reexec"]);
  await machine.exec(["touch", "/run/go"]);
  assert.match(await started, /^(done|unheard)$/);
  assert.deepEqual((await listed()).sort(), ["opencode-a-setup.service active", "opencode-a.service active"]);
  await systemd.stop("opencode-a-setup.service");
});

test("the bus is told no more of what is listened to, however often systemd is executed anew", async () => {
  const stats = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Debug.Stats"];
  const rules = async () => {
    const { stdout } = await machine.exec(["busctl", "call", ...stats, "GetAllMatchRules"]);
    return stdout.match(/\bJobRemoved\b/g)?.length ?? 0;
  };
  const before = await rules();
  assert.ok(before > 0);
  for (const _ of [1, 2]) {
    events.length = 0;
    await machine.exec(["systemctl", "daemon-reexec"]);
    await until("it was noticed", () => events.some((event) => event.kind === "resync"));
  }
  await listed(); // answered after all that was asked of the bus before
  assert.equal(await rules(), before);
});

test("after daemon-reexec signals come again and units are as they were", async () => {
  events.length = 0;
  await machine.exec(["systemctl", "daemon-reexec"]);
  await until("it was noticed", () => events.some((event) => event.kind === "resync"));
  assert.deepEqual(await listed(), ["opencode-a.service active"]);
  await systemd.stop("opencode-a.service");
  await until("the removal is heard", () => events.some((event) => event.kind === "removed"));
});
