/** What instances used of late, from one reading after the other. Pure but for what it keeps. */
import type { Usage, UsageList } from "../model.ts";

export interface Sample {
  /** Milliseconds of the server's clock. */
  readonly at: number;
  readonly memory: number | null;
  /** Of one core since the reading before, 1 for all of it; null at first. */
  readonly cpu: number | null;
  readonly cpuSeconds: number | null;
}

/** Readings that are kept: ten minutes of one every five seconds. */
const KEPT = 120;

/** The samples of all instances with one reading more; what is gone is forgotten. */
export function withReading(
  known: ReadonlyMap<string, readonly Sample[]>,
  { at, instances }: UsageList,
): ReadonlyMap<string, readonly Sample[]> {
  const grown = Object.entries(instances).map(([name, usage]) => {
    const samples = known.get(name) ?? [];
    if (samples.at(-1)?.at === at) return [name, samples] as const;
    return [name, [...samples.slice(1 - KEPT), sampleOf(usage, at, samples.at(-1))]] as const;
  });
  return new Map(grown);
}

function sampleOf({ memoryBytes, cpuSeconds }: Usage, at: number, last: Sample | undefined): Sample {
  return { at, memory: memoryBytes, cpuSeconds, cpu: share(cpuSeconds, at, last) };
}

/** An instance that was made anew counts from nothing: what it used is not known until the next reading. */
function share(cpuSeconds: number | null, at: number, last: Sample | undefined): number | null {
  if (cpuSeconds === null || last === undefined || last.cpuSeconds === null) return null;
  const [used, passed] = [cpuSeconds - last.cpuSeconds, (at - last.at) / 1000];
  return used < 0 || passed <= 0 ? null : used / passed;
}
