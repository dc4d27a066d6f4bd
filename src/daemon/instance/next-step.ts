/**
 * What to do next for one instance: a pure function from its view. The order of the rows is the order that is never
 * relaxed: files, slice, policy, start. Nothing is started before its policy is read back from the kernel.
 */
import { isLoaded, isPassedOver, isUp, type View } from "./view.ts";

/**
 * - `stop`: main and setup, and forget that they failed
 * - `admit`: whether it may be changed to this at all, before anything of it is stopped
 * - `prepare`: user, root, config, credentials; checks that what is bound exists
 * - `slice`: make it active and learn its cgroup id
 * - `policy`: commit, read back; on a running instance also its address filter
 * - `kill`: a server that hangs; systemd starts it again, later each time, and gives it up in the end
 * - `mark`: write down that it was started, for one whose start an earlier daemon did not see to the end
 * - `start`: setup and main
 * - `unpolicy`, `unslice`, `clean`: take away what the others made
 */
export type Step =
  | "admit"
  | "stop"
  | "prepare"
  | "slice"
  | "policy"
  | "kill"
  | "mark"
  | "start"
  | "unpolicy"
  | "unslice"
  | "clean";

type Row = readonly [step: Step | null, when: (view: View) => boolean];

const stale = ({ main, setup, wanted }: View): boolean =>
  [main, setup].some((unit) => isLoaded(unit) && unit.specHash !== wanted?.units.specHash);
const isAdmitted = (view: View): boolean => view.admitted === view.wanted?.units.specHash;
const failed = ({ main, setup }: View): boolean => main?.active === "failed" || setup?.active === "failed";
const moving = ({ main, setup }: View): boolean =>
  [main, setup].some((unit) => unit?.active === "deactivating" || unit?.active === "activating");
/** One that failed may do better with what its files hold now; one that somebody stops is left alone. */
const isRotated = (view: View): boolean => view.rotated.length > 0 && (isUp(view.main) || failed(view));
const policyDiffers = (view: View): boolean =>
  view.policyHash === null || ![view.installed, view.exempt].includes(view.policyHash);

/** The first row that holds decides; null is "nothing now". */
const WANTED: readonly Row[] = [
  [null, (view) => view.blocked !== null],
  ["admit", (view) => !isAdmitted(view) && (stale(view) || view.prepared !== view.wanted?.units.specHash)],
  [
    "stop",
    (view) => stale(view) || view.ended || isRotated(view) || (view.retry && failed(view)) || isPassedOver(view),
  ],
  ["slice", (view) => isUp(view.main) && view.slice === null], // restarted with its slice: that has another cgroup
  ["policy", (view) => isUp(view.main) && policyDiffers(view)],
  ["kill", (view) => isUp(view.main) && view.health.kind === "hung"],
  ["mark", (view) => isUp(view.main) && view.started !== view.wanted?.units.specHash],
  [null, (view) => isUp(view.main) || failed(view) || moving(view)],
  [null, (view) => view.started === view.wanted?.units.specHash], // stopped by hand: stays so
  ["prepare", (view) => view.prepared !== view.wanted?.units.specHash],
  ["slice", (view) => view.slice === null],
  ["policy", policyDiffers],
  ["start", () => true],
];

const UNWANTED: readonly Row[] = [
  [null, (view) => view.blocked !== null],
  ["stop", (view) => isLoaded(view.main) || isLoaded(view.setup)],
  ["unpolicy", (view) => view.installed !== null],
  ["unslice", (view) => view.slice !== null],
  ["clean", (view) => view.prepared !== null || view.started !== null],
];

/** The next step, or null when there is nothing to do until something changes. */
export function nextStep(view: View): Step | null {
  if (view.held) return null;
  const rows = view.wanted === null ? UNWANTED : WANTED;
  return rows.find(([, when]) => when(view))?.[0] ?? null;
}

/** Whether nothing of an unwanted instance is left. */
export const isGone = (view: View): boolean =>
  view.wanted === null && !view.held && view.blocked === null && nextStep(view) === null;
