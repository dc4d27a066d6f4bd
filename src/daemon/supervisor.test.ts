import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { waitFor } from "../../testbed/wait.ts";
import { blankView } from "./instance/controller.ts";
import { stateOf } from "./instance/state.ts";
import { up } from "./instance/testing.ts";
import { file, instance, supervised } from "./testing.ts";

test("everything in the file is brought up and found ready", async () => {
  const host = supervised(file("a", "b"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("both ready", host.all(supervisor, "ready"));
  assert.deepEqual([...host.table.keys()].sort(), ["a", "b"]);
});

test("a reload without a change calls nobody", async () => {
  const host = supervised(file("a", "b"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("both ready", host.all(supervisor, "ready"));
  host.calls.length = 0;
  assert.deepEqual(await supervisor.reload(), []);
  assert.deepEqual(host.calls, []);
});

test("adding, changing and removing one leaves the others alone", async () => {
  const host = supervised(file("a", "b"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("both ready", host.all(supervisor, "ready"));
  const pid = host.systemd.get("opencode-b.service").mainPid;
  host.disk.content = JSON.stringify({
    version: 1,
    instances: { a: instance("a", { logLevel: "DEBUG" }), b: instance("b"), c: instance("c") },
  });
  await supervisor.reload();
  await waitFor(
    "three ready",
    () => Object.keys(host.states(supervisor)).length === 3 && host.all(supervisor, "ready")(),
  );
  host.disk.content = file("b");
  await supervisor.reload();
  await waitFor("one left", () => Object.keys(host.states(supervisor)).join() === "b");
  assert.equal(host.systemd.get("opencode-b.service").mainPid, pid);
  assert.equal(host.calls.filter((call) => call.endsWith("opencode-b.service")).length, 1);
});

test("the next file is taken in while something in the one before takes its time", async () => {
  const host = supervised(file("a"));
  const supervisor = host.make();
  await supervisor.start();
  const held = Promise.withResolvers<void>();
  const { prepare } = host.host;
  host.host.prepare = async (wanted) => {
    if (wanted.spec.name === "b") await held.promise;
    await prepare(wanted);
  };
  host.disk.content = file("a", "b");
  const known = Promise.withResolvers<void>();
  const first = supervisor.reload({ known: known.resolve });
  await known.promise;
  host.disk.content = file("a", "b", "c");
  const second = supervisor.reload();
  await waitFor("the policy of c", () => host.table.has("c"));
  assert.equal(host.table.has("b"), false);
  held.resolve();
  assert.deepEqual(await Promise.all([first, second]), [[], []]);
  await waitFor("all ready", host.all(supervisor, "ready"));
  assert.equal(Object.keys(host.states(supervisor)).join(), "a,b,c");
});

test("a new daemon adopts what runs and restarts nothing", async () => {
  const host = supervised(file("a", "b"));
  const first = host.make();
  await first.start();
  await waitFor("both ready", host.all(first, "ready"));
  first.close();
  host.calls.length = 0;
  const second = host.make();
  await second.start();
  await waitFor("both ready again", host.all(second, "ready"));
  assert.deepEqual(host.calls, []);
});

test("a new daemon finds out how the others are while one that is to be changed takes its time to stop", async () => {
  const host = supervised(file("a", "b"));
  host.systemd.units.set("opencode-b.service", up("opencode-b.service", "of another spec"));
  host.systemd.stop = () => new Promise(() => undefined);
  const supervisor = host.make();
  void supervisor.start();
  await waitFor("a ready", () => host.states(supervisor).a === "ready", { deadlineMs: 10_000 });
  supervisor.close();
});

test("a new daemon with a broken file leaves what runs as it is", async () => {
  const host = supervised(file("a"));
  const first = host.make();
  await first.start();
  await waitFor("ready", host.all(first, "ready"));
  host.calls.length = 0;
  host.disk.content = "{";
  const second = host.make();
  await second.start();
  host.systemd.set({ ...host.systemd.get("opencode-a.service"), since: 5 });
  await setImmediate();
  assert.deepEqual(
    [second.problems().length, host.calls, host.systemd.get("opencode-a.service").active],
    [1, [], "active"],
  );
});

test("a new daemon removes what the file no longer names, orphaned units and policies too", async () => {
  const host = supervised(file("a"));
  host.systemd.units.set("opencode-old.service", up("opencode-old.service", "h"));
  host.table.set("older", "hash");
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("only a", () => Object.keys(host.states(supervisor)).join() === "a");
  assert.deepEqual([host.systemd.units.has("opencode-old.service"), host.table.has("older")], [false, false]);
});

test("somebody else's unit of a matching name is left alone, wanted or not", async () => {
  const host = supervised(file("a", "b"));
  const foreign = (unit: string) => ({ ...up(unit), specHash: null });
  for (const unit of ["opencode-a.service", "opencode-mail.service"]) host.systemd.units.set(unit, foreign(unit));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("b ready, a refused", () => JSON.stringify(host.states(supervisor)) === '{"a":"blocked","b":"ready"}');
  assert.match(supervisor.problems()[0]?.what ?? "", /not the supervisor's/);
  host.systemd.set(foreign("opencode-mail.service"));
  host.disk.content = file("b");
  await supervisor.reload();
  await waitFor("b alone", () => Object.keys(host.states(supervisor)).join() === "b");
  assert.deepEqual(
    [host.systemd.get("opencode-a.service").active, host.systemd.get("opencode-mail.service").active],
    ["active", "active"],
  );
  supervisor.close();
});

test("what is read anew while units change is what they are in the end", async () => {
  const host = supervised(file("a"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  const now = host.systemd.get("opencode-a.service");
  host.systemd.set({ ...now, active: "activating" });
  host.systemd.say({ kind: "resync" });
  host.systemd.set(now);
  await setImmediate();
  await waitFor("ready", host.all(supervisor, "ready"));
  assert.deepEqual(
    supervisor.views.map(({ main }) => main?.active),
    ["active"],
  );
});

test("a unit stopped by hand stays stopped, also for the next daemon, until its marker is taken away", async () => {
  const host = supervised(file("a"));
  const first = host.make();
  await first.start();
  await waitFor("ready", host.all(first, "ready"));
  await host.systemd.stop("opencode-a.service");
  await waitFor("stopped", host.all(first, "stopped"));
  await first.reload();
  first.close();
  const second = host.make();
  await second.start();
  assert.deepEqual(host.states(second), { a: "stopped" });
  host.markers.delete("a");
  await second.reload();
  await waitFor("ready", host.all(second, "ready"));
});

test("one that hangs in setup, one that is refused and one that fails hold up nobody", async () => {
  const host = supervised(file("a", "b", "c", "d"));
  host.systemd.outcomes.set("opencode-a-setup.service", "hang");
  host.systemd.outcomes.set("opencode-b.service", "fail");
  host.refuse.set("c", "no");
  const supervisor = host.make();
  await supervisor.start();
  const expected = { a: "setting-up", b: "failed", c: "blocked", d: "ready" };
  await waitFor("all settled", () => JSON.stringify(host.states(supervisor)) === JSON.stringify(expected));
  await waitFor("the output", () => supervisor.views.find(({ name }) => name === "b")?.output[0] === "last words");
  supervisor.close();
});

test("a reload gives what failed another try", async () => {
  const host = supervised(file("a"));
  host.systemd.outcomes.set("opencode-a.service", "fail");
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("failed", host.all(supervisor, "failed"));
  host.systemd.outcomes.clear();
  await supervisor.reload();
  await waitFor("ready", host.all(supervisor, "ready"));
});

test("the last instance takes the table and the slice with it; the next one brings them back", async () => {
  const host = supervised(file("a"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  host.disk.content = file();
  await supervisor.reload();
  await supervisor.emptied();
  assert.deepEqual(
    [host.isOpen(), host.calls.slice(-2), host.table.size],
    [false, ["destroy", "stop opencode.slice"], 0],
  );
  host.disk.content = file("a");
  await supervisor.reload();
  await waitFor("ready", host.all(supervisor, "ready"));
});

test("stopping the target leaves nothing running, starting it brings all back", async () => {
  const host = supervised(file("a", "b"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  host.systemd.set({ ...up("opencode.target"), active: "inactive" });
  await waitFor("nothing left", () => supervisor.views.length === 0);
  await supervisor.emptied();
  assert.deepEqual([...host.systemd.units.keys()], ["opencode.target"]);
  host.systemd.set(up("opencode.target"));
  await waitFor("ready", host.all(supervisor, "ready"));
});

test("no longer wanted in the middle of a step, it goes when the step is done, and comes back as one", async () => {
  const host = supervised(file("a"));
  let release = (): void => undefined;
  let preparing = 0;
  const { prepare } = host.host;
  host.host.prepare = async (wanted) => {
    preparing++;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    await prepare(wanted);
  };
  const supervisor = host.make();
  const started = supervisor.start();
  await waitFor("the first step", () => preparing === 1);
  host.systemd.set({ ...up("opencode.target"), active: "inactive" });
  await setImmediate();
  host.systemd.set(up("opencode.target"));
  await setImmediate();
  assert.deepEqual([preparing, supervisor.views.length], [1, 1]);
  release();
  await waitFor("the step again, if need be", () => preparing === 2 || host.all(supervisor, "ready")());
  release();
  await started;
  await waitFor("ready", host.all(supervisor, "ready"));
  await supervisor.reload();
  assert.deepEqual(host.states(supervisor), { a: "ready" });
});

test("while the target is not active, nothing is started", async () => {
  const host = supervised(file("a"), { target: "inactive" });
  const supervisor = host.make();
  await supervisor.start();
  assert.deepEqual([supervisor.views, host.calls.some((call) => call.startsWith("put"))], [[], false]);
});

test("a target that waits for the daemon makes it start everything at once; nobody waits for what it asks for", async () => {
  const host = supervised(file("a", "b"), { target: "inactive" });
  const supervisor = host.make();
  const held = Promise.withResolvers<void>();
  const { prepare } = host.host;
  host.host.prepare = async (wanted) => {
    await held.promise;
    await prepare(wanted);
  };
  await supervisor.start({ unasked: () => host.systemd.set(up("opencode.target")) });
  assert.equal(supervisor.targetActive, true);
  held.resolve();
  await waitFor("ready", host.all(supervisor, "ready"));
});

test("a target that becomes active while there is nothing to adopt is heard when what was left is taken away", async () => {
  const host = supervised(file("a"), { target: "inactive" });
  const supervisor = host.make({
    leftovers: async () => {
      host.systemd.set(up("opencode.target"));
      await setImmediate();
      return { markers: new Map(), roots: new Set() };
    },
  });
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  const order = host.calls.filter((call) => /^(destroy|prepare|put)/.test(call)).map((call) => call.split(" ")[0]);
  assert.deepEqual(order, ["destroy", "prepare", "put"]);
});

test("who was asked for from the beginning is waited for, and nobody is told otherwise", async () => {
  const host = supervised(file("a"));
  const supervisor = host.make();
  await supervisor.start({ unasked: () => assert.fail("the target is active") });
  assert.deepEqual([...host.table.keys()], ["a"]);
});

test("of many, some hang: the others are started all the same, also when those come first", async () => {
  const names = Array.from({ length: 26 }, (_, index) => String.fromCharCode(97 + index));
  const host = supervised(file(...names));
  const supervisor = host.make();
  const { prepare } = host.host;
  const held = Promise.withResolvers<void>();
  host.host.prepare = async (wanted) => {
    if (wanted.spec.name < "e") await held.promise;
    await prepare(wanted);
  };
  const started = supervisor.start();
  await waitFor("the others' policies", () => host.table.size === 22);
  held.resolve();
  await started;
  assert.deepEqual([...host.table.keys()].sort(), names);
});

test("not yet ready says why", async () => {
  const host = supervised(file("a"));
  host.answer.result = { ready: false, why: "/config answers 400" };
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("why", () => supervisor.views.some((view) => stateOf(view).why === "/config answers 400"));
  host.answer.result = { ready: true, version: "1" };
  await waitFor("ready", host.all(supervisor, "ready"));
});

test("state of instances that are no longer in the file is listed, of others and while the file is broken it is not", async () => {
  const host = supervised(file("a"));
  host.disk.states = new Map([
    ["a", "/var/lib/a"],
    ["old", "/var/lib/old"],
  ]);
  const supervisor = host.make();
  await supervisor.start();
  assert.deepEqual([...supervisor.orphans], [["old", "/var/lib/old"]]);
  host.disk.content = file();
  await supervisor.reload();
  await supervisor.emptied();
  assert.deepEqual([...supervisor.orphans.keys()], ["a", "old"]);
  const next = supervised("{");
  next.disk.states = host.disk.states;
  const blind = next.make();
  await blind.start();
  assert.deepEqual([...blind.orphans], []);
});

test("a server that hangs is killed, once, and comes back; one that is merely sick is left running and shown", async () => {
  const host = supervised(file("a"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  host.answer.pulse = { kind: "sick", why: "/config answers 500" };
  await waitFor("unhealthy", host.all(supervisor, "unhealthy"));
  assert.deepEqual(
    supervisor.views.map((view) => stateOf(view).why),
    ["/config answers 500"],
  );
  host.answer.pulse = { kind: "alive" };
  await waitFor("well again", host.all(supervisor, "ready"));
  host.answer.pulse = { kind: "silent", why: "no answer" };
  await waitFor("killed", () => host.calls.includes("kill opencode-a.service 9"));
  const main = host.systemd.get("opencode-a.service");
  const ended = { active: "activating", sub: "auto-restart", mainPid: 0, result: "signal", exitStatus: 9 };
  host.systemd.set({ ...main, ...ended });
  await waitFor("backing off", host.all(supervisor, "backing-off"));
  assert.equal(stateOf(supervisor.views[0] ?? blankView("a")).why, "the server hung and was killed: no answer");
  host.answer.pulse = { kind: "alive" };
  host.systemd.set({ ...main, mainPid: main.mainPid + 1, since: main.since + 1 });
  await waitFor("ready", host.all(supervisor, "ready"));
  assert.equal(host.calls.filter((call) => call.startsWith("kill")).length, 1);
  assert.equal(supervisor.views[0]?.killed, null);
  supervisor.close();
});

test("a server that is another all of a sudden is told of as starting, and not once more as ready before it was asked", async () => {
  const host = supervised(file("a"));
  const supervisor = host.make();
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  host.answer.result = { ready: false, why: "nothing listens" };
  const main = host.systemd.get("opencode-a.service");
  host.told.length = 0;
  host.systemd.set({ ...main, mainPid: main.mainPid + 1, since: main.since + 1 });
  assert.deepEqual(host.told, ["starting"]);
  supervisor.close();
});
