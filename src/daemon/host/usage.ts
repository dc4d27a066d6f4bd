/** What an instance uses, from its slice's files in cgroupfs (kernel's cgroup-v2.rst); read when somebody asks for one instance. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { mainUnit, setupUnit, sliceUnit } from "../../spec/names.ts";

const CGROUPS = "/sys/fs/cgroup";

export interface Usage {
  /** memory.current; null where the memory controller is not on. */
  readonly memoryBytes: number | null;
  /** usage_usec of cpu.stat, since the slice was made. */
  readonly cpuSeconds: number | null;
  /** pids.current */
  readonly tasks: number | null;
  /** oom_kill of memory.events: processes killed for want of memory (limits.memoryMax, or the host's) since the slice was made. */
  readonly oomKills: number | null;
  /** max of pids.events: how often a process or thread could not be made (limits.tasksMax) since the slice was made. */
  readonly tasksRefused: number | null;
}

const number = (text: string | null): number | null => (text === null || !/^\d+$/.test(text) ? null : Number(text));

/** A value of a file with one `key value` a line. */
const field = (text: string | null | undefined, key: string): number | null =>
  number(new RegExp(`^${key} (\\d+)$`, "m").exec(text ?? "")?.[1] ?? null);

/** {@link Usage.oomKills} now, 0 where nobody counts; for who cannot wait: cgroupfs answers from memory. */
export function oomKills(name: string, parent = "opencode.slice", root = CGROUPS): number {
  try {
    return field(readFileSync(`${root}/${parent}/${sliceUnit(name)}/memory.events`, "utf8"), "oom_kill") ?? 0;
  } catch {
    return 0; // the controller is not on
  }
}

/** @param parent cgroup path of opencode.slice, below the root of cgroupfs */
export async function readUsage(name: string, parent = "opencode.slice", root = CGROUPS): Promise<Usage> {
  const read = (file: string) =>
    readFile(`${root}/${parent}/${sliceUnit(name)}/${file}`, "utf8").then(
      (text) => text.trim(),
      () => null, // it does not run, or the controller is not on
    );
  const [memory, cpu, tasks, memoryEvents, taskEvents] = await Promise.all(
    ["memory.current", "cpu.stat", "pids.current", "memory.events", "pids.events"].map(read),
  );
  // Before Linux 6.11 (or with pids_localevents) only the cgroup that the task is in counts, not the slice above it.
  const inUnits = await Promise.all([mainUnit(name), setupUnit(name)].map((unit) => read(`${unit}/pids.events`)));
  const refused = [taskEvents, ...inUnits].map((text) => field(text, "max")).filter((count) => count !== null);
  const microseconds = field(cpu, "usage_usec");
  return {
    memoryBytes: number(memory ?? null),
    cpuSeconds: microseconds === null ? null : microseconds / 1e6,
    tasks: number(tasks ?? null),
    oomKills: field(memoryEvents, "oom_kill"),
    tasksRefused: refused.length === 0 ? null : Math.max(...refused),
  };
}
