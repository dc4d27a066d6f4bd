/** Where instances are in cgroupfs: paths below its root, without the first slash, and their ids. */
import { readdir, readFile } from "node:fs/promises";
import { cgroupOf, type Gate, gateAt } from "../../netpolicy/names.ts";
import { PARENT_SLICE, parseUnit, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { CGROUPS, cgroupId } from "../cgroup.ts";
import type { Systemd } from "../systemd/port.ts";

/** The gate, and the id of the slice it was found to be. */
export interface FoundGate extends Gate {
  readonly id: bigint;
}

/** The id of an instance's slice; 0n when it has none. */
export const sliceId = (gate: Gate, name: string): bigint => cgroupId(cgroupOf(gate, name)) ?? 0n;

/** Whether the slice that the gate was found to be is the one there is now. */
export const isCurrent = ({ cgroup, id }: FoundGate): boolean => cgroupId(cgroup) === id;

/** The gate for `opencode.slice` as it is now, which is started when it is not there; null when that did not help. */
export async function findGate(systemd: Pick<Systemd, "controlGroup" | "start">): Promise<FoundGate | null> {
  if ((await ofUnit(systemd, PARENT_SLICE)).id === 0n) await systemd.start(PARENT_SLICE);
  const { cgroup, id } = await ofUnit(systemd, PARENT_SLICE);
  if (id === 0n) return null;
  const own = await ofUnit(systemd, SUPERVISOR_UNIT);
  return { ...gateAt(cgroup, own.id === 0n ? null : own.cgroup), id };
}

/** "" and 0n for a unit that has no cgroup. */
async function ofUnit(systemd: Pick<Systemd, "controlGroup">, unit: string) {
  const cgroup = (await systemd.controlGroup(unit)).replace(/^\//, "");
  return { cgroup, id: cgroup === "" ? 0n : (cgroupId(cgroup) ?? 0n) };
}

/** Instances in whose slice something runs. */
export async function populated({ cgroup }: Gate): Promise<string[]> {
  const slices = await readdir(`${CGROUPS}/${cgroup}`).catch(() => []);
  const found = slices.map(async (slice) => {
    const events = await readFile(`${CGROUPS}/${cgroup}/${slice}/cgroup.events`, "utf8").catch(() => "");
    const name = /^populated 1$/m.test(events) ? parseUnit(slice)?.name : undefined;
    return name === undefined ? [] : [name];
  });
  return (await Promise.all(found)).flat();
}
