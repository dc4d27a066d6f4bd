/** How far a start of many is, for people: the daemon's line in `systemctl status`, and the commands that wait. Pure. */
import type { State } from "./instance/state.ts";

export type Counts = Readonly<Partial<Record<State, number>>>;

/** What each state counts as; what is disabled is not to be up. */
const AS: Readonly<Record<State, keyof Progress | null>> = {
  ...{ ready: "up", unhealthy: "up" },
  ...{ waiting: "underWay", "setting-up": "underWay", starting: "underWay", "backing-off": "underWay" },
  ...{ stopping: "underWay", stopped: "stopped", disabled: null },
  ...{ failed: "failed", blocked: "failed", invalid: "failed" },
};

export interface Progress {
  readonly up: number;
  readonly failed: number;
  readonly stopped: number;
  readonly underWay: number;
}

/** @param counts how many instances there are, by state; states that are not known count as on their way */
export function progressOf(counts: Readonly<Record<string, number>>): Progress {
  const progress = { up: 0, failed: 0, stopped: 0, underWay: 0 };
  for (const [state, count] of Object.entries(counts)) {
    const as = isState(state) ? AS[state] : "underWay";
    if (as !== null) progress[as] += count;
  }
  return progress;
}
const isState = (text: string): text is State => Object.hasOwn(AS, text);

/** `37 of 100 instances up, 2 failed` */
export function progressText({ up, failed, stopped, underWay }: Progress): string {
  const all = up + failed + stopped + underWay;
  const parts = [
    `${up} of ${all} instance${all === 1 ? "" : "s"} up`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(stopped === 0 ? [] : [`${stopped} stopped`]),
  ];
  return parts.join(", ");
}
