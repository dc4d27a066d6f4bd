/** 200 instances to look at, each with what pages show of one: for bench/page.ts and the tests of the page. */
import { EventRing } from "../src/daemon/events/ring.ts";
import { instanceOf, refusedOf, reportOf, type Scene, sceneOf, usageOf } from "../src/dashboard/testing.ts";

const MIB = 1 << 20;

/** Instances in all sorts of states, with restarts and blocked destinations; `count` of them. */
export function manyInstances(count: number): Scene {
  const ring = new EventRing("run");
  const names = Array.from({ length: count }, (_, index) => `project-${String(index).padStart(3, "0")}`);
  const states = ["ready", "ready", "ready", "ready", "starting", "failed", "stopped"];
  for (const name of names)
    for (const state of ["starting", "ready"]) ring.add("info", { kind: "state", instance: name, state }, state);
  const instances = names.map((name, index) => {
    const state = states[index % states.length] ?? "ready";
    const why =
      state === "failed"
        ? `the server failed: exit status 1; mend it, then \`opencode-supervisor start ${name}\``
        : null;
    return instanceOf(name, { state, why, restarts: index % 4 });
  });
  const reports = names
    .slice(0, 40)
    .map((name, index) => reportOf(name, [refusedOf(`203.0.113.${index}`, 443), refusedOf("192.0.2.53", 53)]));
  const usage: Scene["usage"] = (name) =>
    usageOf((300 + Number(name.slice(-2))) * MIB, (performance.now() / 1000) * 0.02);
  return sceneOf({ ring, instances, reports, usage });
}
