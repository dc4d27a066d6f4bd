import assert from "node:assert/strict";
import { test } from "node:test";
import { canHappen, cellOf, EVENTS, followed, readPage, SITUATIONS, UNITS, UNWANTED, upToDate } from "./life-cycle.ts";
import { nextStep, type Step } from "./next-step.ts";
import type { Health, View } from "./view.ts";

const { waiting } = SITUATIONS;
const HEALTH: readonly Health[] = [
  { kind: "checking", last: null },
  { kind: "ready", version: "1", since: 1 },
  { kind: "unhealthy", version: "1", since: 1, why: "w" },
  { kind: "hung", why: "w" },
];
const HASHES = [null, "h0", "h1"] as const;
/** Field → every value that makes a difference. */
const VALUES = {
  wanted: [null, waiting.wanted],
  held: [false, true],
  main: UNITS.main,
  setup: UNITS.setup,
  slice: [null, 5n],
  installed: [null, "other", waiting.policyHash],
  exempt: [null, waiting.policyHash],
  admitted: [null, "h1"],
  prepared: HASHES,
  started: HASHES,
  blocked: [null, UNITS.problem],
  retry: [false, true],
  ended: [false, true],
  rotated: [[], ["configFile"]],
  health: HEALTH,
} as const;

/** Every view there can be, some hundred thousands: those that no history leads to as well. */
function* everyView(): Generator<View> {
  const choices: (readonly [string, readonly unknown[]])[] = Object.entries(VALUES);
  const count = choices.reduce((product, [, values]) => product * values.length, 1);
  for (let index = 0; index < count; index++) {
    let rest = index;
    const found = choices.map(([name, values]) => {
      const value = values[rest % values.length];
      rest = Math.floor(rest / values.length);
      return [name, value] as const;
    });
    const view: View = { ...waiting, ...Object.fromEntries(found) };
    yield view.wanted === null ? { ...view, ...UNWANTED } : view;
  }
}

const up = ({ main }: View): boolean => main?.active === "active" || main?.active === "activating";
const isCurrent = ({ main, wanted }: View): boolean => main?.specHash === wanted?.units.specHash;
const inForce = (view: View): boolean =>
  view.policyHash !== null && (view.installed === view.policyHash || view.exempt === view.policyHash);
const failed = ({ main, setup }: View): boolean => main?.active === "failed" || setup?.active === "failed";
const rotated = (view: View): boolean => view.rotated.length > 0 && (up(view) || failed(view));
const left = ({ main, setup }: View): boolean =>
  [main, setup].some((unit) => unit !== null && unit.active !== "inactive");
const foreign = ({ main, setup }: View): boolean =>
  [main, setup].some((unit) => unit !== null && unit.active !== "inactive" && unit.specHash !== "h1");

const passedOver = ({ setup, health, redone }: View): boolean =>
  setup?.active === "active" && setup.handedOff === 0 && health.kind === "checking" && !redone;

/** Of each step, when alone it may be taken. */
const RULES: Readonly<Record<Step, (view: View) => boolean>> = {
  admit: (view) => view.wanted !== null && view.admitted !== "h1",
  stop: (view) =>
    view.wanted === null
      ? left(view)
      : foreign(view) || view.ended || rotated(view) || (view.retry && failed(view)) || passedOver(view),
  prepare: (view) => view.wanted !== null && !left({ ...view, setup: null }) && view.admitted === "h1",
  slice: (view) =>
    view.wanted !== null && view.slice === null && (view.prepared === "h1" || (up(view) && isCurrent(view))),
  policy: (view) => view.wanted !== null && view.slice !== null && !inForce(view),
  kill: (view) => up(view) && isCurrent(view) && view.health.kind === "hung",
  mark: (view) => up(view) && isCurrent(view) && view.started !== "h1",
  start: (view) =>
    view.wanted !== null &&
    view.slice !== null &&
    inForce(view) &&
    view.prepared === "h1" &&
    view.started !== "h1" &&
    view.main === null,
  unpolicy: (view) => view.wanted === null && !left(view) && view.installed !== null,
  unslice: (view) => view.wanted === null && !left(view) && view.installed === null,
  clean: (view) => view.wanted === null && !left(view) && view.slice === null,
};

test("of all views there can be: no step against the rules, none on what is held or blocked, a state for each", () => {
  const taken = new Set<Step | null>();
  const states = new Set<string>();
  let seen = 0;
  for (const view of everyView()) {
    const { state, step } = cellOf(view);
    states.add(state);
    taken.add(step);
    seen++;
    if (step === null) continue;
    const isAllowed = !view.held && view.blocked === null && RULES[step](view);
    if (!isAllowed) assert.fail(`${step} of ${show(view)}`);
  }
  assert.ok(seen > 500_000);
  assert.equal(taken.size, Object.keys(RULES).length + 1, "every step, and none");
  const all = [...states].sort().join(" ");
  assert.equal(
    all,
    "backing-off blocked failed gone invalid ready setting-up starting stopped stopping unhealthy waiting",
  );
});

test("of all situations and events: the steps come to an end, and what is unwanted to nothing", () => {
  for (const [name, view] of Object.entries(SITUATIONS)) {
    for (const [event, change] of Object.entries(EVENTS)) {
      if (!canHappen(event, view)) continue;
      const { end } = followed({ ...view, ...change(view) });
      assert.equal(nextStep(end), null, `${name}, ${event}`);
      if (event === "out of the file") assert.equal(cellOf(end).state, "gone", name);
    }
  }
});

const ROTATED = "its files are rotated (`restartOnSecretChange`)";

test("what runs as wanted is left alone by everything but a hang, a restart of the target and a change of its own", () => {
  const ENDING = new Set(["its spec is changed", ROTATED, "out of the file", "it hangs", "the target is restarted"]);
  for (const situation of ["starting", "ready", "unhealthy"] as const) {
    for (const [event, change] of Object.entries(EVENTS)) {
      if (!canHappen(event, SITUATIONS[situation])) continue;
      const after: View = { ...SITUATIONS[situation], ...change(SITUATIONS[situation]) };
      const ends = followed(after).steps.some((step) => step === "stop" || step === "kill");
      if (up(after)) assert.equal(ends, ENDING.has(event), `${situation}, ${event}`);
    }
  }
});

test("stopped by hand it stays so, failed it stays so, until the file changes or somebody asks; failed, also until its files do", () => {
  const ASKED = new Set([
    "its spec is changed",
    "`start` is asked for",
    "the target is restarted",
    "all of it is gone",
  ]);
  const starts = (view: View) => followed(view).steps.includes("start");
  for (const [event, change] of Object.entries(EVENTS)) {
    const stopped = SITUATIONS["stopped by hand"];
    if (canHappen(event, stopped)) assert.equal(starts({ ...stopped, ...change(stopped) }), ASKED.has(event), event);
    for (const name of ["failed", "setup failed"] as const) {
      const asked = ASKED.has(event) || event === "a reload is asked for" || event === ROTATED;
      const after = { ...SITUATIONS[name], ...change(SITUATIONS[name]) };
      if (canHappen(event, SITUATIONS[name])) assert.equal(starts(after), asked, `${name}: ${event}`);
    }
  }
});

test("docs/reliability.md shows this table; if not: node src/daemon/instance/life-cycle.ts", () => {
  const page = readPage();
  assert.equal(page, upToDate(page));
  assert.match(page, /^\| it hangs \| unhealthy: kill → backing-off \|$/m);
});

const show = (view: View): string =>
  JSON.stringify(view, (_, value) => (typeof value === "bigint" ? Number(value) : value));
