/** One of many changes: how soon its policy is in force and it runs again, and that the others do not notice. */
import { INSTANCE_FILE, mainUnit, SUPERVISOR_UNIT } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";
import { spread } from "./numbers.ts";
import { fileText, type Instance, type Instances, lastActive, mainPids, milliseconds, monotonic } from "./scene.ts";

const RUNS = 5;

const WRITE_AND_RELOAD = `cat >${INSTANCE_FILE}.new; mv ${INSTANCE_FILE}.new ${INSTANCE_FILE}; systemctl reload ${SUPERVISOR_UNIT}`;

export async function changes(machine: Machine, all: Instances): Promise<string[][]> {
  const name = Object.keys(all)[Math.trunc(Object.keys(all).length / 2)] ?? "";
  const unit = mainUnit(name);
  const changed = (how: Partial<Instance>): string =>
    fileText(
      Object.fromEntries(
        Object.entries(all).map(([each, instance]) => [each, each === name ? { ...instance, ...how } : instance]),
      ),
    );
  const reload = (input: string) => milliseconds(() => machine.sh(WRITE_AND_RELOAD, { input }));

  const before = await mainPids(machine, all);
  const policies: number[] = [];
  for (let turn = 1; turn <= RUNS; turn++) {
    const outboundAllowCidrs = [`198.51.100.${turn}/32`];
    policies.push(await reload(changed({ networkIsolation: { enable: true, outboundAllowCidrs } })));
  }
  const afterPolicies = await mainPids(machine, all);

  const [inForce, running]: [number[], number[]] = [[], []];
  for (let turn = 1; turn <= RUNS; turn++) {
    const [from, last] = [monotonic(), await lastActive(machine, [unit])];
    inForce.push(await reload(changed({ environment: { TURN: String(turn) } })));
    await machine.waitFor(`restart of ${unit}`, async () => (await lastActive(machine, [unit])) > last, {
      deadlineMs: 60_000,
    });
    running.push(((await lastActive(machine, [unit])) - from) / 1000);
  }
  const after = await mainPids(machine, all);
  const restarted = (a: Map<string, string>, b: Map<string, string>) =>
    [...a].filter(([key, pid]) => b.get(key) !== pid).length;
  const others = restarted(afterPolicies, after);
  const none = restarted(before, afterPolicies);
  return [
    ["allow-list of one changed: in force", spread(policies, 0, "ms"), "", ""],
    ["… and restarted for it", String(none), "0", none === 0 ? "yes" : "NO"],
    ["environment of one changed: policy in force", spread(inForce, 0, "ms"), "", ""],
    ["… it runs again", spread(running, 0, "ms"), "", ""],
    ["… and restarted for it", String(others), "1", others === 1 ? "yes" : "NO"],
  ];
}
