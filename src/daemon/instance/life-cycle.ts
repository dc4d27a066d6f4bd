/**
 * The life of an instance as one table: in each situation, what each event makes of it and what is done then. Nothing of
 * this is stored; state and next step are derived from the view (`state.ts`, `next-step.ts`), and this table from them: for
 * the tests, which hold all of it to the rules, and for `docs/reliability.md`. Run this file to bring the page up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { blankRecord } from "../systemd/record.ts";
import { isGone, nextStep, type Step } from "./next-step.ts";
import { type State, stateOf } from "./state.ts";
import { specOf, unitsOf, up, wantedView } from "./testing.ts";
import { isPassedOver, UNPREPARED, type View } from "./view.ts";

const unseen = wantedView(specOf("a"));
const main = up("opencode-a.service");
const setup = { ...up("opencode-a-setup.service"), sub: "exited", mainPid: 0 };
const failed = { active: "failed", sub: "failed", result: "exit-code", exitCode: 1, exitStatus: 1, mainPid: 0 };
const again = {
  active: "activating",
  sub: "auto-restart",
  result: "exit-code",
  exitCode: 1,
  exitStatus: 1,
  mainPid: 0,
};
const problem = { instance: "a", field: "directory", what: "is not there", fix: "make it" };
const ready = { kind: "ready", version: "1", since: 1 } as const;
const checking = { kind: "checking", last: null } as const;

const complete: View = { ...unseen, admitted: "h1", prepared: "h1", slice: 5n, installed: unseen.policyHash };
const running: View = { ...complete, main, setup, started: "h1" };

/** The unwanted: its spec, and with it its policy, are gone. */
export const UNWANTED = { wanted: null, policy: null, policyHash: null } as const;

/** Views that stand for each situation an instance can be in; each is followed from here. */
export const SITUATIONS = {
  "not there": { ...unseen, ...UNWANTED },
  waiting: unseen,
  blocked: { ...unseen, blocked: problem },
  "setting up": { ...complete, started: "h1", setup: { ...setup, active: "activating", sub: "start" } },
  starting: running,
  ready: { ...running, health: ready },
  unhealthy: { ...running, health: { ...ready, kind: "unhealthy", why: "no answer" } },
  "backing off": { ...running, main: { ...main, ...again } },
  failed: { ...running, main: { ...main, ...failed } },
  "setup failed": { ...complete, started: "h1", setup: { ...setup, ...failed } },
  stopping: { ...running, main: { ...main, active: "deactivating", sub: "stop-sigterm" } },
  "stopped by hand": { ...complete, started: "h1", setup },
  "not said": { ...running, health: ready, held: true },
} as const satisfies Readonly<Record<string, View>>;
export type Situation = keyof typeof SITUATIONS;

type Event = (view: View) => Partial<View>;
const checkingAnew = { health: checking, killed: null };
/** As the supervisor takes in a file that says something about it, after a reload that was asked for or not. */
const wants =
  (wanted: View, asked: boolean): Event =>
  ({ main, setup, wanted: before }) => ({
    ...{ wanted: wanted.wanted, policy: wanted.policy, policyHash: wanted.policyHash, held: false },
    ...(asked || wanted.wanted !== before ? { blocked: null, exempt: null } : {}),
    retry: asked && [main, setup].some((unit) => unit?.active === "failed"),
  });
const changed: View = { ...unseen, wanted: { spec: specOf("a", { logLevel: "WARN" }), units: unitsOf("h2") } };

/** What happens to an instance → what that changes of its view. */
export const EVENTS: Readonly<Record<string, Event>> = {
  "in the file": wants(unseen, false),
  "its spec is changed": wants(changed, false),
  "out of the file": () => ({ ...UNWANTED, held: false, blocked: null, retry: false }),
  "the file is broken": () => ({ held: true }),
  "a reload is asked for": wants(unseen, true),
  "`start` is asked for": (view) => ({ ...wants(unseen, true)(view), started: null, ...UNPREPARED }),
  "a step fails": () => ({ blocked: problem }),
  "setup is done, the server up": () => ({ setup, main, ...checkingAnew }),
  "setup is passed over, the server up": () => ({ setup: { ...setup, handedOff: 0 }, main, ...checkingAnew }),
  "setup fails": () => ({ setup: { ...setup, ...failed }, main: null, ...checkingAnew }),
  "it answers": () => ({ health: ready, killed: null }),
  "it is amiss twice": () => ({ health: { ...ready, kind: "unhealthy", why: "no answer" } }),
  "it hangs": () => ({ health: { kind: "hung", why: "no answer" } }),
  "the server ends": () => ({ main: { ...main, ...again }, health: checking }),
  "once too often": () => ({ main: { ...main, ...failed }, health: checking }),
  "systemctl stop, under way": () => ({ main: { ...main, active: "deactivating" }, health: checking }),
  "systemctl stop, done": () => ({ main: null, setup: null, health: checking }),
  "its policy is lost": () => ({ installed: null }),
  "its slice is lost": () => ({ slice: null, installed: null }),
  "its files are rotated (`restartOnSecretChange`)": () => ({ rotated: ["environmentFile"] }),
  "the target is restarted": () => ({ main: null, ended: true, health: checking }),
  "all of it is gone": () => ({ main: null, setup: null, slice: null, installed: null, prepared: null, started: null }),
};

/** Events that are about a server: where there is none they do not happen. */
const OF_A_SERVER = new Set([
  "it answers",
  "it is amiss twice",
  "it hangs",
  "the server ends",
  "systemctl stop, under way",
]);
/** Only while setup is under way, or main waits for it. */
const OF_A_SETUP = new Set(["setup is done, the server up", "setup is passed over, the server up", "setup fails"]);

/** Whether the event can happen there at all. */
export function canHappen(event: string, view: View): boolean {
  const runs = view.main?.active === "active";
  if (OF_A_SERVER.has(event)) return runs;
  if (OF_A_SETUP.has(event)) return view.setup?.active === "activating" || view.main?.sub === "auto-restart";
  if (event === "once too often") return runs || view.main?.sub === "auto-restart";
  return true;
}

export interface Cell {
  readonly state: State | "gone";
  readonly step: Step | null;
}
export const cellOf = (view: View): Cell => ({
  state: isGone(view) ? "gone" : stateOf(view).state,
  step: nextStep(view),
});

/** What a step makes of a view when it goes well. */
export const DONE: Readonly<Record<Step, Event>> = {
  admit: ({ wanted }) => ({ admitted: wanted?.units.specHash ?? null }),
  stop: (view) => ({
    ...(view.prepared === null ? {} : UNPREPARED),
    redone: isPassedOver(view),
    ...{ main: null, setup: null, started: null, retry: false, ended: false, killed: null, health: checking },
  }),
  prepare: ({ wanted }) => ({ prepared: wanted?.units.specHash ?? null, rotated: [] }),
  slice: () => ({ slice: 6n }),
  policy: ({ policyHash }) => ({ installed: policyHash }),
  kill: () => ({ main: { ...main, ...again }, health: checking, killed: "no answer" }),
  mark: ({ wanted }) => ({ started: wanted?.units.specHash ?? null }),
  start: ({ wanted }) => {
    const specHash = wanted?.units.specHash ?? null;
    return { setup: { ...setup, specHash }, main: { ...main, specHash }, started: specHash };
  },
  unpolicy: () => ({ installed: null }),
  unslice: () => ({ slice: null }),
  clean: () => ({ prepared: null, started: null }),
};

/** All steps that are taken from here when each goes well, and where that ends. */
export function followed(view: View): { readonly steps: Step[]; readonly end: View } {
  const steps: Step[] = [];
  let end = view;
  for (let step = nextStep(end); step !== null; step = nextStep(end)) {
    if (steps.length > MOST_STEPS) throw new Error(`no end: ${steps.join(" ")}`);
    steps.push(step);
    end = { ...end, blocked: null, ...DONE[step](end) };
  }
  return { steps, end };
}
const MOST_STEPS = 12;

const PAGE = new URL("../../../docs/reliability.md", import.meta.url);
const [START, END] = ["<!-- life cycle: made by src/daemon/instance/life-cycle.ts -->", "<!-- end of life cycle -->"];

/** One line for a situation and an event: what it is then, the steps that follow, and where they lead. */
function line(situation: Situation, event: string): string | null {
  const before: View = SITUATIONS[situation];
  const change = EVENTS[event];
  if (change === undefined || !canHappen(event, before)) return null;
  const after = { ...before, ...change(before) };
  const { steps, end } = followed(after);
  const is = cellOf(after).state;
  if (is === cellOf(before).state && steps.join() === followed(before).steps.join()) return null;
  const path = steps.length === 0 ? "" : `: ${steps.join(", ")}`;
  const last = cellOf(end).state;
  return `| ${event} | ${is}${path}${steps.length === 0 || last === is ? "" : ` → ${last}`} |`;
}

function tables(): string[] {
  return Object.entries(SITUATIONS).flatMap(([name, view]) => {
    const situation = Object.keys(SITUATIONS).find((key): key is Situation => key === name);
    const lines = Object.keys(EVENTS).flatMap((event) => (situation && line(situation, event)) ?? []);
    const { steps } = followed(view);
    const done = steps.length === 0 ? "nothing is done" : steps.join(", ");
    return [
      `### ${name}`,
      "",
      `State \`${cellOf(view).state}\`; ${done}.`,
      "",
      "| when | it is |",
      "| --- | --- |",
      ...lines,
      "",
    ];
  });
}

/** The page with its made part as it is to be now. */
export function upToDate(page: string): string {
  const [before, rest] = page.split(`${START}\n`);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/reliability.md has lost ${START}, ${END}`);
  return `${before}${START}\n\n${tables().join("\n")}\n${END}${after}`;
}

export const readPage = (): string => readFileSync(PAGE, "utf8");

if (import.meta.main) writeFileSync(PAGE, upToDate(readPage()));

/** A record of each kind, for the tests. */
export const UNITS = {
  main: [null, main, { ...main, ...again }, { ...main, ...failed }, { ...main, active: "deactivating" }, up("m", "h0")],
  setup: [
    null,
    setup,
    { ...setup, active: "activating" },
    { ...setup, ...failed },
    { ...setup, handedOff: 0 },
    blankRecord("s"),
  ],
  problem,
} as const;
