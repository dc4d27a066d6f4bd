import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor as until } from "../../../testbed/wait.ts";
import { limiter } from "../limiter.ts";
import { Controller } from "./controller.ts";
import { nextStep } from "./next-step.ts";
import type { Line } from "./steps.ts";
import { type FakePorts, fakePorts, specOf, unitsOf, wantedView } from "./testing.ts";

/** A controller whose view follows the fake systemd, as the supervisor has it. */
function controlled<P extends FakePorts>(name: string, ports: P) {
  const blocked: string[] = [];
  const controller = new Controller(name, ports, {
    changed: () => undefined,
    blocked: (_view, step, problem) => void blocked.push(`${step}: ${problem.what}`),
  });
  ports.systemd.onEvent((event) => {
    const record = event.kind === "unit" ? event.record : null;
    const unit = event.kind === "unit" ? event.record.unit : event.kind === "removed" ? event.unit : "";
    if (unit === `opencode-${name}.service`) controller.update({ main: record });
    if (unit === `opencode-${name}-setup.service`) controller.update({ setup: record });
  });
  return { ports, controller, blocked };
}

const spec = specOf("a");
const settled = (controller: Controller) => () =>
  nextStep(controller.view) === null && controller.view.main?.active === "active";

test("a wanted instance is prepared, given slice and policy, then started, in this order", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  controller.update(wantedView(spec));
  await until("it runs", settled(controller));
  assert.deepEqual(ports.calls, ["prepare a", "start opencode-a.slice", "put a", "start opencode-a.service", "mark a"]);
});

test("who has a turn is ready for systemd before the next begins, and one whose start takes long keeps nobody from that", async () => {
  const fake = fakePorts();
  const lines = { ours: limiter({ slots: 1, giveUpMs: 60_000 }), jobs: limiter({ slots: 1, giveUpMs: 60_000 }) };
  const gate = Promise.withResolvers<null>();
  const ports = {
    ...fake,
    host: { ...fake.host, taken: () => gate.promise },
    limit: (line: Line, work: () => Promise<void>) => lines[line](work),
  };
  const [a, b] = [controlled("a", ports), controlled("b", ports)];
  a.controller.update(wantedView(spec));
  b.controller.update(wantedView(specOf("b", { listen: { port: 8001 } })));
  await Promise.all([a.controller.policySettled(), b.controller.policySettled()]);
  const first = ["prepare a", "start opencode-a.slice", "put a"];
  assert.deepEqual(ports.calls, [...first, ...first.map((call) => call.replace(/\ba\b/, "b"))]);
  gate.resolve(null);
  await until("both run", () => settled(a.controller)() && settled(b.controller)());
});

test("an instance that is no longer wanted is stopped first and leaves nothing", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  controller.update(wantedView(spec));
  await until("it runs", settled(controller));
  ports.calls.length = 0;
  controller.update({ wanted: null, policy: null, policyHash: null });
  await controller.policySettled();
  const expected = [
    "unmark a",
    "stop opencode-a.service",
    "stop opencode-a-setup.service",
    "remove a",
    "stop opencode-a.slice",
    "clean a",
    "unmark a",
  ];
  assert.deepEqual(ports.calls, expected);
  assert.equal(ports.systemd.units.size, 0);
});

test("a refused policy stops the start, says why, and the next try starts it", async () => {
  const { ports, controller, blocked } = controlled("a", fakePorts());
  ports.refuse.set("a", "no such set");
  controller.update(wantedView(spec));
  await controller.policySettled();
  assert.deepEqual(blocked, ["policy: policy: no such set"]);
  assert.equal(ports.calls.includes("start opencode-a.service"), false);
  ports.refuse.clear();
  controller.update({ blocked: null });
  await until("it runs", settled(controller));
});

test("a changed spec stops the old units and starts the new", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  controller.update(wantedView(spec));
  await until("it runs", settled(controller));
  ports.calls.length = 0;
  controller.update({ wanted: { spec, units: unitsOf("h2") } });
  await until("the new one runs", () => settled(controller)() && controller.view.main?.specHash === "h2");
  assert.deepEqual(ports.calls.slice(0, 3), ["unmark a", "stop opencode-a.service", "stop opencode-a-setup.service"]);
});

test("a setup that systemd passed over is begun anew, with what was started after it, and believed the second time", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  controller.update(wantedView(spec));
  await until("it runs", settled(controller));
  ports.calls.length = 0;
  const passOver = () => ports.systemd.set({ ...ports.systemd.get("opencode-a-setup.service"), handedOff: 0 });
  passOver();
  await until("it runs again", () => settled(controller)() && ports.calls.includes("mark a"));
  const again = ["unmark a", "stop opencode-a.service", "stop opencode-a-setup.service", "prepare a"];
  assert.deepEqual(ports.calls, [...again, "start opencode-a.service", "mark a"]);
  passOver();
  await until("nothing is under way", settled(controller));
  assert.equal(ports.calls.at(-1), "mark a");
});

test("a changed policy reaches a running instance without a restart, its address filter first", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  controller.update(wantedView(spec));
  await until("it runs", settled(controller));
  ports.calls.length = 0;
  controller.update({ policyHash: "another" });
  await until("it is in force", () => controller.view.installed === "another");
  const filter = "IPAddressAllow IPAddressDeny IPAddressAllow IPAddressDeny";
  assert.deepEqual(ports.calls, [
    `set opencode-a.service ${filter}`,
    `set opencode-a-setup.service ${filter}`,
    "put a",
  ]);
});

test("a stop by hand is left alone", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  controller.update(wantedView(spec));
  await until("it runs", settled(controller));
  ports.calls.length = 0;
  await ports.systemd.stop("opencode-a.service");
  await controller.policySettled();
  assert.deepEqual(ports.calls, ["stop opencode-a.service"]);
});

test("a failed setup is not tried again until a reload asks for it", async () => {
  const { ports, controller } = controlled("a", fakePorts());
  ports.systemd.outcomes.set("opencode-a-setup.service", "fail");
  controller.update(wantedView(spec));
  await until("it failed", () => controller.view.setup?.active === "failed");
  assert.equal(nextStep(controller.view), null);
  ports.systemd.outcomes.clear();
  controller.update({ retry: true });
  await until("it runs", settled(controller));
});

test("a name that another unit holds is reported, and holds up nothing for ever", async () => {
  const { ports, controller, blocked } = controlled("a", fakePorts());
  ports.systemd.outcomes.set("opencode-a.service", "exists");
  controller.update(wantedView(spec));
  await until("it is blocked", () => controller.view.blocked !== null);
  assert.match(blocked[0] ?? "", /^start: a unit of its name exists already/);
  controller.close();
});

test("what is tried again stays to be seen until it has gone well, and is told once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { ports, controller, blocked } = controlled("a", fakePorts());
  ports.refuse.set("a", "no such set");
  const seen = new Set<boolean>();
  controller.update(wantedView(spec));
  const tries = () => ports.calls.filter((call) => call === "put a").length;
  for (let index = 1; index <= 3; index++) {
    for (let turn = 0; turn < 50 && tries() < index; turn++) await new Promise(setImmediate);
    if (index > 1) seen.add(controller.view.blocked !== null);
    await new Promise(setImmediate);
    t.mock.timers.tick(60_000);
  }
  assert.deepEqual([[...seen], blocked.length], [[true], 1]);
  ports.refuse.clear();
  for (let turn = 0; turn < 50 && controller.view.main === null; turn++) {
    t.mock.timers.tick(60_000);
    await new Promise(setImmediate);
  }
  assert.equal(controller.view.blocked, null);
});
