/**
 * What one look at a running server means after those before it. Pure. Once is nothing: a server that is busy answers late.
 * It is unhealthy when it is amiss twice, and hung when it has not answered at all five times, 5 s each.
 */

/** One look. `unknown`: we were too slow ourselves to say. */
export type Pulse =
  | { readonly kind: "alive" }
  | { readonly kind: "sick"; readonly why: string }
  | { readonly kind: "silent"; readonly why: string }
  | { readonly kind: "unknown" };

/** How it has gone so far. */
export interface Course {
  /** Milliseconds until the next look. */
  readonly delay: number;
  /** Looks in a row at which something was wrong. */
  readonly amiss: number;
  /** Looks in a row that were not answered. */
  readonly silent: number;
}

export type Verdict = "well" | "unhealthy" | "hung" | "undecided";

/** After it became ready, or was found amiss, it is looked at often; then less and less. */
const FIRST_MS = 2000;
const GROWTH = 1.5;
const MOST_MS = 30_000;
const AGAIN_MS = 1000;
const AMISS = 2;
export const SILENT = 5;

export const FIRST: Course = { delay: FIRST_MS, amiss: 0, silent: 0 };

const alive = ({ delay, amiss }: Course): Course =>
  amiss > 0 ? FIRST : { ...FIRST, delay: Math.min(delay * GROWTH, MOST_MS) };

export function judge(course: Course, pulse: Pulse): { readonly course: Course; readonly verdict: Verdict } {
  if (pulse.kind === "alive") return { course: alive(course), verdict: "well" };
  if (pulse.kind === "unknown") return { course: { ...course, delay: AGAIN_MS }, verdict: "undecided" };
  const amiss = course.amiss + 1;
  const silent = pulse.kind === "silent" ? course.silent + 1 : 0;
  const verdict = silent >= SILENT ? "hung" : amiss >= AMISS ? "unhealthy" : "undecided";
  // Who answers, and says that something is wrong, goes on doing so for longer.
  const delay = pulse.kind === "silent" || amiss < AMISS ? AGAIN_MS : FIRST_MS;
  return { course: { delay, amiss, silent }, verdict };
}
