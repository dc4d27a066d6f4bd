/**
 * 500 light instances in one machine, which answer as opencode does: what a reload, a change, a restart of the daemon and
 * doing nothing cost then.
 */
import { TARGET } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";
import { changes } from "./change.ts";
import { table } from "./numbers.ts";
import { reloads } from "./reload.ts";
import { idle, memoryAtRest, memoryRows, restarts } from "./restart.ts";
import { inMachine, instances, makeUsers, SERVER, untilReady, writeScene } from "./scene.ts";

const COUNT = 500;

export async function fleet(): Promise<string> {
  return await inMachine("fleet", async (machine: Machine) => {
    const all = instances(COUNT, SERVER);
    await makeUsers(machine, all);
    await writeScene(machine, all);
    await machine.exec(["systemctl", "start", TARGET]);
    await untilReady(machine, all);
    const started = [await memoryAtRest(machine)];
    const rows = [
      [`${COUNT} instances`, "measured", "target", "kept"],
      ...(await reloads(machine, all)),
      ...(await changes(machine, all)),
      ...(await restarts(machine, all)),
      ...memoryRows("memory of the daemon that started them all", started),
      ...(await idle(machine)),
    ];
    return table(rows);
  });
}
