/**
 * Was it the server that did not answer, or did it get nothing to answer with? A busy host must never look like a hung server:
 * what was not answered counts only when the server could have. Sources: proc_pid_schedstat and psi.rst of the kernel's
 * documentation, proc_pid_stat(5), cgroups(7) `cgroup.events`.
 */
import { readFile } from "node:fs/promises";

/** What the kernel counted so far, of the process that listens and of its instance. Milliseconds. */
export interface Sample {
  readonly at: number;
  /** The process's main thread, on a processor and waiting for one; null when it cannot be read. */
  readonly main: { readonly state: string; readonly ran: number; readonly waited: number } | null;
  /** Time in which some task of the instance waited for it, by resource; without those that the kernel does not count. */
  readonly pressure: Readonly<Record<string, number>>;
  /** By `systemctl freeze`. */
  readonly frozen: boolean;
}

/** Share of the time between two samples, in which it waited for others. */
const BUSY = 0.2;
/** Who had a processor for so long and answered nothing has no excuse, whatever it waited for besides. */
const RAN_MS = 30_000;
const RESOURCES = ["cpu", "io", "memory"] as const;
/** State of proc_pid_stat(5) → why nothing can be expected of it. */
const STATES: Readonly<Record<string, string>> = { D: "it waits for a disk", t: "a debugger holds it" };

/**
 * Why the server could not answer between two samples; null when it could have. Pure.
 * @param first taken when it was first silent
 */
export function excuse(first: Sample, before: Sample, after: Sample): string | null {
  const { main } = after;
  if (after.frozen) return "it is frozen";
  const held = STATES[main?.state ?? ""];
  if (held !== undefined) return held;
  if (main !== null && first.main !== null && main.ran - first.main.ran >= RAN_MS) return null;
  const busy = (from: number, to: number): boolean => to - from >= BUSY * (after.at - before.at);
  if (main !== null && before.main !== null && busy(before.main.waited, main.waited)) return "it waits for a processor";
  const short = RESOURCES.find((name) => busy(before.pressure[name] ?? 0, after.pressure[name] ?? 0));
  return short === undefined ? null : `its instance is short of ${short}`;
}

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** @param process its directory in /proc; null when nothing listens any more */
export async function sample(process: string | null, controlGroup: string): Promise<Sample> {
  const cgroup = `/sys/fs/cgroup${controlGroup}`;
  const [events, stat, schedstat, ...pressures] = await Promise.all([
    read(`${cgroup}/cgroup.events`),
    process === null ? "" : read(`${process}/stat`),
    process === null ? "" : read(`${process}/schedstat`),
    ...RESOURCES.map((name) => read(`${cgroup}/${name}.pressure`)),
  ]);
  const stalled = RESOURCES.flatMap((name, index) => {
    const microseconds = /^some .*\btotal=(\d+)/m.exec(pressures[index] ?? "")?.[1];
    return microseconds === undefined ? [] : [[name, Number(microseconds) / 1000] as const];
  });
  return {
    at: performance.now(),
    main: mainThread(stat, schedstat),
    pressure: Object.fromEntries(stalled),
    frozen: /^frozen 1$/m.test(events),
  };
}

function mainThread(stat: string, schedstat: string): Sample["main"] {
  const [, ran, waited] = /^(\d+) (\d+) /.exec(schedstat) ?? [];
  const state = /\) (\S) [^)]*$/.exec(stat)?.[1];
  if (ran === undefined || waited === undefined || state === undefined) return null;
  return { state, ran: Number(ran) / 1e6, waited: Number(waited) / 1e6 };
}
