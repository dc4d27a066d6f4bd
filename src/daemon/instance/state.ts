/** The one word for how an instance is, and why. Pure: from its view. */
import { EXIT } from "../../setup/exit.ts";
import { formatProblem } from "../../spec/problem.ts";
import type { UnitRecord } from "../systemd/port.ts";
import { isUp, type View } from "./view.ts";

/**
 * - `disabled`: in the file with `enable: false`
 * - `invalid`: the file has mistakes about it; if it ran, it runs on as it was
 * - `waiting`: the next step is on its way
 * - `blocked`: a step could not be done, and it does not run
 * - `setting-up`, `starting`: setup runs; the server does not answer yet
 * - `ready`: `/global/health` and `/config` answer with its credentials
 * - `unhealthy`: it was ready, and now answers late, not at all, or that something is wrong; hung, it is killed
 * - `backing-off`: it failed and systemd will start it again
 * - `failed`: setup failed, or it failed too often
 * - `stopping`; `stopped`: by hand, until started again
 */
export const STATES = [
  ...(["disabled", "invalid", "waiting", "blocked", "setting-up", "starting", "ready", "unhealthy"] as const),
  ...(["backing-off", "failed", "stopping", "stopped"] as const),
] as const;
export type State = (typeof STATES)[number];

type Row = readonly [state: State, when: (view: View) => boolean, why: (view: View) => string | null];

/** What a service goes through that systemd starts again; on the way it is `failed` or `inactive` for a moment (systemd 254). */
const AGAIN = new Set([
  ...["failed-before-auto-restart", "dead-before-auto-restart", "auto-restart", "auto-restart-queued"],
]);

const nothing = () => null;
const REDONE = "begun anew: systemd took setup for done before it ran";
const problemOf = ({ blocked }: View): string | null => (blocked === null ? null : formatProblem(blocked));

const stoppedWhy = ({ name }: View): string =>
  `stopped by hand, or ended by itself; \`opencode-supervisor start ${name}\` starts it again`;

const serverFailed = (view: View): string =>
  view.killed === null
    ? `the server failed: ${howItEnded(view.main)}${forWantOfMemory(view)}`
    : `the server hung and was killed: ${view.killed}`;

/**
 * The kernel kills the largest process with SIGKILL, and systemd does not call that `oom-kill` where the others are to go on
 * (`OOMPolicy=continue`, systemd.service(5)).
 */
function forWantOfMemory({ main, oomKills }: View): string {
  const killed = main !== null && isKilled(main) ? SIGKILL : SIGNALLED + SIGKILL;
  if (main?.exitStatus !== killed || oomKills === 0) return "";
  const count = oomKills === 1 ? "one of its processes was" : `${oomKills} of its processes were`;
  return `; ${count} killed for want of memory (limits.memoryMax, or the host's)`;
}
const SIGKILL = 9;
/** opencode-init exits with this and the signal that ended the server. */
const SIGNALLED = 128;
const SIGNAL_MOST = 64;

/** The first row that holds is the state. */
const ROWS: readonly Row[] = [
  ["invalid", (view) => view.held, () => "the instance file does not say what is wanted of it; it is left as it is"],
  ["blocked", (view) => view.blocked !== null && !isUp(view.main), problemOf],
  ["stopping", (view) => view.wanted === null || view.main?.active === "deactivating", nothing],
  ["setting-up", (view) => view.setup?.active === "activating", ({ redone }) => (redone ? REDONE : null)],
  [
    "failed",
    (view) => view.setup?.active === "failed",
    (view) => `setup failed: ${howItEnded(view.setup)}; mend it, then \`opencode-supervisor reload\``,
  ],
  ["backing-off", (view) => AGAIN.has(view.main?.sub ?? ""), serverFailed],
  [
    "failed",
    (view) => view.main?.active === "failed",
    (view) => `${serverFailed(view)}; mend it, then \`opencode-supervisor start ${view.name}\``,
  ],
  [
    "unhealthy",
    (view) => view.main?.active === "active" && "why" in view.health,
    (view) => problemOf(view) ?? ("why" in view.health ? view.health.why : null),
  ],
  ["ready", (view) => view.main?.active === "active" && view.health.kind === "ready", problemOf],
  [
    "starting",
    (view) => isUp(view.main),
    (view) => problemOf(view) ?? (view.health.kind === "checking" ? view.health.last : null),
  ],
  ["stopped", (view) => view.started !== null && view.started === view.wanted?.units.specHash, stoppedWhy],
  ["waiting", () => true, nothing],
];

/** The state of an instance that is wanted or on its way out, and why it is so. */
export function stateOf(view: View): { state: State; why: string | null } {
  const row = ROWS.find(([, when]) => when(view));
  return row === undefined ? { state: "waiting", why: null } : { state: row[0], why: row[2](view) };
}

/** CLD_* of waitid(2). */
const [CLD_EXITED, CLD_KILLED] = [1, 2];

/** By a signal; one that ends a unit well (`SuccessExitStatus=`) is one too. */
const isKilled = ({ result, exitCode }: UnitRecord): boolean =>
  ["signal", "core-dump"].includes(result) || (result === "success" && exitCode === CLD_KILLED);

/** Whether there is more to say of its end than that it was asked for. */
const endedBadly = (unit: UnitRecord): boolean => unit.result !== "success" || isKilled(unit);

/** How the server, else setup, ended when it ended badly; null while neither has. */
export function lastExit(view: View): string | null {
  const { main, setup } = view;
  if (main !== null && endedBadly(main)) return `${howItEnded(main)}${forWantOfMemory(view)}`;
  return setup !== null && endedBadly(setup) ? howItEnded(setup) : null;
}

/** `exit status 78`, `killed by signal 9`, `timeout`; as the unit's Result and ExecMain* say it. */
export function howItEnded(unit: UnitRecord | null): string {
  if (unit === null || !endedBadly(unit)) return "unknown";
  if (unit.result === "exit-code") return exitStatus(unit.exitStatus);
  if (isKilled(unit)) return `killed by signal ${unit.exitStatus}`;
  const meaning = RESULTS[unit.result] ?? unit.result;
  return unit.exitCode === CLD_EXITED && unit.exitStatus !== 0 && unit.result !== "oom-kill" // then systemd ended the rest
    ? `${meaning} (${exitStatus(unit.exitStatus)})`
    : meaning;
}

/** Result of systemd.service(5) → what a person reads. */
const RESULTS: Readonly<Record<string, string>> = {
  timeout: "it took longer than limits.hookTimeout allows and was killed",
  "oom-kill": "killed for want of memory (limits.memoryMax)",
  "start-limit-hit": "it failed too often in a short time",
  watchdog: "its watchdog ran out",
  resources: "systemd could not start it (resources)",
};

/** Exit statuses of systemd.exec(5), "Process exit codes", that an operator can do something about. */
const EXIT_STATUSES: Readonly<Record<number, string>> = {
  [EXIT.osError]: "the system refused what the sandbox needs",
  [EXIT.cannotCreate]: "something stands in the way in its HOME",
  [EXIT.noPermission]: "its user may not",
  [EXIT.config]: "something the operator is to provide is missing or unusable",
  [EXIT.notExecutable]: "the program cannot be run",
  [EXIT.notFound]: "the program is not there",
  200: "its working directory cannot be entered (CHDIR)",
  203: "the program cannot be run (EXEC)",
  216: "its group does not exist (GROUP)",
  217: "its user does not exist (USER)",
  226: "its file system view cannot be made (NAMESPACE)",
  238: "its state directory cannot be made (STATE_DIRECTORY)",
};

function exitStatus(status: number): string {
  if (status > SIGNALLED && status <= SIGNALLED + SIGNAL_MOST) return `killed by signal ${status - SIGNALLED}`;
  const meaning = EXIT_STATUSES[status];
  return meaning === undefined ? `exit status ${status}` : `exit status ${status}: ${meaning}`;
}
