/** How a state is shown: its word, and which of four marks it has. Pure. */

/** A shape and a colour each; see base.css. */
export type Tone = "good" | "busy" | "bad" | "off";

export interface Shown {
  readonly tone: Tone;
  readonly word: string;
}

export const STATES = {
  ready: { tone: "good", word: "Ready" },
  starting: { tone: "busy", word: "Starting" },
  "setting-up": { tone: "busy", word: "Setting up" },
  waiting: { tone: "busy", word: "Waiting" },
  stopping: { tone: "busy", word: "Stopping" },
  unhealthy: { tone: "bad", word: "Unhealthy" },
  "backing-off": { tone: "bad", word: "Backing off" },
  failed: { tone: "bad", word: "Failed" },
  blocked: { tone: "bad", word: "Blocked" },
  invalid: { tone: "bad", word: "Invalid" },
  stopped: { tone: "off", word: "Stopped" },
  disabled: { tone: "off", word: "Disabled" },
} as const satisfies Readonly<Record<string, Shown>>;

const KNOWN: Readonly<Record<string, Shown>> = STATES;

/** A state that is not known here is shown by its own name. */
export const shownState = (state: string): Shown =>
  Object.hasOwn(KNOWN, state) && KNOWN[state] !== undefined ? KNOWN[state] : { tone: "busy", word: state };

/** What needs a person comes first. */
export const TONES: readonly { readonly tone: Tone; readonly title: string }[] = [
  { tone: "bad", title: "Need a person" },
  { tone: "busy", title: "On their way" },
  { tone: "good", title: "Ready" },
  { tone: "off", title: "Off" },
];
export const rank = (state: string): number => TONES.findIndex(({ tone }) => tone === shownState(state).tone);

export interface Egress extends Shown {
  readonly title: string;
}

/** The policy of an instance as one word, with what it means. */
export function shownPolicy(
  { wanted, inForce }: { readonly wanted: string; readonly inForce: boolean },
  runs: boolean,
): Egress {
  if (wanted === "none") return { tone: "off", word: "Open", title: "No network isolation is asked for" };
  if (!inForce)
    return runs
      ? { tone: "bad", word: "Not in force", title: "Its policy is not in the kernel" }
      : { tone: "off", word: "Not in force", title: "It does not run, and has no policy in the kernel" };
  return wanted === "audit"
    ? { tone: "busy", word: "Audit", title: "Nothing is refused, only recorded" }
    : { tone: "good", word: "Enforced", title: "What is not allowed is refused" };
}
