/**
 * What one look at a running server means after those before it. Pure. Once is nothing: a server that is busy answers late.
 * It is unhealthy when it is amiss twice, and hung when not one of five looks was answered, each with more patience than the
 * one before; a look at which somebody else may be to blame (`unknown`) proves nothing, however many there are.
 */

/** One look. `unknown`: this process, or the server, had no time; see `excuse.ts`. */
export type Pulse =
  | { readonly kind: "alive" }
  | { readonly kind: "sick"; readonly why: string }
  | { readonly kind: "silent"; readonly why: string }
  | { readonly kind: "unknown" };

/** How it has gone so far. */
export interface Course {
  /** Milliseconds until the next look. */
  readonly delay: number;
  /** Milliseconds within which the next look is to be answered. */
  readonly patience: number;
  /** Looks in a row at which something was wrong. */
  readonly amiss: number;
  /** Looks in a row that were not answered. */
  readonly silent: number;
}

export type Verdict = "well" | "unhealthy" | "hung" | "undecided";

/** After it became ready, or was found amiss, it is looked at often; then less and less. */
const FIRST_MS = 2000;
const GROWTH = 1.5;
/** Between looks at a server that has been well for a while. */
const STEADY_MS = 30_000;
/** All servers that are well take no more than one look in so long: about 0.15 % of a core, however many there are. */
const EACH_MS = 300;
const AGAIN_MS = 1000;
const AMISS = 2;
/** Of each of the looks that are not answered one after the other: 45 s of silence in all. */
const PATIENCE_MS = [5000, 5000, 5000, 10_000, 20_000] as const;
export const SILENT = PATIENCE_MS.length;

export const FIRST: Course = { delay: FIRST_MS, patience: PATIENCE_MS[0], amiss: 0, silent: 0 };

const alive = ({ delay, amiss }: Course): Course =>
  amiss > 0 ? FIRST : { ...FIRST, delay: Math.min(delay * GROWTH, STEADY_MS) };

export function judge(course: Course, pulse: Pulse): { readonly course: Course; readonly verdict: Verdict } {
  if (pulse.kind === "alive") return { course: alive(course), verdict: "well" };
  if (pulse.kind === "unknown") return { course: { ...course, delay: AGAIN_MS }, verdict: "undecided" };
  const amiss = course.amiss + 1;
  const silent = pulse.kind === "silent" ? course.silent + 1 : 0;
  const verdict = silent >= SILENT ? "hung" : amiss >= AMISS ? "unhealthy" : "undecided";
  // Who answers, and says that something is wrong, goes on doing so for longer.
  const delay = pulse.kind === "silent" || amiss < AMISS ? AGAIN_MS : FIRST_MS;
  return { course: { delay, patience: PATIENCE_MS[silent] ?? PATIENCE_MS[0], amiss, silent }, verdict };
}

/** Milliseconds to wait with the next look when there are so many servers: those that are well wait for one another. */
export const spaced = ({ delay, amiss }: Course, servers: number): number =>
  amiss > 0 ? delay : Math.max(delay, servers * EACH_MS);
