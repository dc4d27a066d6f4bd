/** What an instance uses, from its slice's files in cgroupfs (kernel's cgroup-v2.rst); read when somebody asks for one instance. */
import { readFile } from "node:fs/promises";
import { sliceUnit } from "../../spec/names.ts";

const CGROUPS = "/sys/fs/cgroup";

export interface Usage {
  /** memory.current; null where the memory controller is not on. */
  readonly memoryBytes: number | null;
  /** usage_usec of cpu.stat, since the slice was made. */
  readonly cpuSeconds: number | null;
  /** pids.current */
  readonly tasks: number | null;
}

const number = (text: string | null): number | null => (text === null || !/^\d+$/.test(text) ? null : Number(text));

/** @param parent cgroup path of opencode.slice, below the root of cgroupfs */
export async function readUsage(name: string, parent = "opencode.slice", root = CGROUPS): Promise<Usage> {
  const read = (file: string) =>
    readFile(`${root}/${parent}/${sliceUnit(name)}/${file}`, "utf8").then(
      (text) => text.trim(),
      () => null, // it does not run, or the controller is not on
    );
  const [memory, cpu, tasks] = await Promise.all(["memory.current", "cpu.stat", "pids.current"].map(read));
  const microseconds = number(/^usage_usec (\d+)$/m.exec(cpu ?? "")?.[1] ?? null);
  return {
    memoryBytes: number(memory ?? null),
    cpuSeconds: microseconds === null ? null : microseconds / 1e6,
    tasks: number(tasks ?? null),
  };
}
