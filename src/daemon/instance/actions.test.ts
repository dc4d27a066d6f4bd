import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { waitFor } from "../../../testbed/wait.ts";
import { SystemdError } from "../systemd/port.ts";
import { ACTIONS, type Action } from "./actions.ts";
import { Controller } from "./controller.ts";
import { stateOf } from "./state.ts";
import { fakePorts, specOf, wantedView } from "./testing.ts";

/** An instance that runs, over fakes; units of the fake become part of its view as the supervisor does it. */
async function running() {
  const ports = fakePorts();
  const controller = new Controller("a", ports, { changed: () => undefined, blocked: () => undefined });
  const roles: Readonly<Record<string, "main" | "setup">> = {
    "opencode-a.service": "main",
    "opencode-a-setup.service": "setup",
  };
  ports.systemd.onEvent((event) => {
    if (event.kind !== "unit" && event.kind !== "removed") return;
    const role = roles[event.kind === "unit" ? event.record.unit : event.unit];
    if (role !== undefined) controller.update({ [role]: event.kind === "unit" ? event.record : null });
  });
  controller.update({ ...wantedView(specOf("a")), name: "a" });
  const state = () => stateOf(controller.view).state;
  const until = (wanted: string) => waitFor(wanted, () => state() === wanted);
  await until("starting");
  ports.calls.length = 0;
  const ask = (action: Action) => ACTIONS[action].act(controller, ports);
  return { ports, controller, ask, state, until };
}
const pid = ({ controller }: { controller: Controller }) => controller.view.main?.mainPid;

test("stopped it stays stopped, and is written down so; started it comes back", async () => {
  const one = await running();
  await one.ask("stop");
  await one.until("stopped");
  assert.equal(one.ports.calls[0], "mark a");
  await one.ask("reset");
  assert.equal(one.state(), "stopped");
  await one.ask("start");
  await one.until("starting");
});

test("stopped while its start waits for its turn, it is not started", async () => {
  const one = await running();
  await one.ask("stop");
  await one.until("stopped");
  const [waits, turn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { startTransient } = one.ports.systemd;
  one.ports.systemd.startTransient = async (...start) => {
    waits.resolve();
    await turn.promise;
    return startTransient.apply(one.ports.systemd, start);
  };
  await one.ask("start");
  await waits.promise;
  one.ports.calls.length = 0;
  await one.ask("stop");
  turn.resolve();
  await setImmediate();
  assert.deepEqual([one.state(), one.ports.calls.includes("start opencode-a.service")], ["stopped", false]);
  await one.ask("start");
  await one.until("starting");
});

test("a start of what is up changes nothing", async () => {
  const one = await running();
  const first = pid(one);
  one.ports.systemd.start = async (unit) => `${one.ports.calls.push(`start ${unit}`)}`;
  await one.ask("start");
  assert.deepEqual([one.ports.calls, pid(one)], [["start opencode-a.service"], first]);
});

test("one that was stopped a moment ago, unheard, is started", async () => {
  const one = await running();
  one.ports.systemd.units.delete("opencode-a.service");
  const { start } = one.ports.systemd;
  one.ports.systemd.start = async (unit) => {
    if (unit === "opencode-a.service") throw new SystemdError("org.freedesktop.systemd1.NoSuchUnit", unit);
    return start.call(one.ports.systemd, unit);
  };
  await one.ask("start");
  await waitFor("a new one", () => one.ports.systemd.units.get("opencode-a.service")?.active === "active");
});

test("a restart is the server's alone, or a start; setup does all anew", async () => {
  const one = await running();
  const first = pid(one);
  await one.ask("restart");
  assert.deepEqual([one.ports.calls, pid(one) === first], [["restart opencode-a.service"], false]);
  await one.ask("setup");
  await waitFor("setup again", () => one.ports.calls.includes("start opencode-a.service"));
  const ends = one.ports.calls.indexOf("stop opencode-a-setup.service");
  assert.ok(ends > 0 && ends < one.ports.calls.indexOf("prepare a"), one.ports.calls.join());
  await one.ask("stop");
  await one.until("stopped");
  await one.ask("restart");
  await one.until("starting");
});

test("a failed one is forgotten by reset, and started by start", async () => {
  const one = await running();
  const fail = () =>
    one.ports.systemd.set({ ...one.ports.systemd.get("opencode-a.service"), active: "failed", result: "exit-code" });
  fail();
  assert.equal(one.state(), "failed");
  await one.ask("reset");
  await one.until("stopped");
  await one.ask("start");
  await one.until("starting");
  fail();
  await one.ask("start");
  await one.until("starting");
});

test("what is blocked is tried at once by reset, and given up by stop", async () => {
  const one = await running();
  await one.ask("stop");
  await one.until("stopped");
  one.ports.host.taken = async () => "port 8000 is taken";
  await one.ask("start");
  await one.until("blocked");
  await one.ask("stop");
  await one.until("stopped");
  await one.ask("start");
  await one.until("blocked");
  one.ports.host.taken = async () => null;
  await one.ask("reset");
  await one.until("starting");
});
