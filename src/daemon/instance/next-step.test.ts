import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blankRecord } from "../systemd/record.ts";
import { blankView } from "./controller.ts";
import { isGone, nextStep, type Step } from "./next-step.ts";
import { specOf, up, wantedView } from "./testing.ts";
import type { View } from "./view.ts";

const unseen = wantedView(specOf("a"));
const wanted = { ...unseen, admitted: "h1" };
const main = up("opencode-a.service");
const setup = { ...up("opencode-a-setup.service"), sub: "exited" };
const ready = { kind: "ready", version: "1", since: 1 } as const;
const over = { ...setup, handedOff: 0 };
const prepared = { ...wanted, prepared: "h1" };
const sliced = { ...prepared, slice: 5n };
const installed = { ...sliced, installed: wanted.policyHash };
const running = { ...installed, main, setup, started: "h1" };
const failed = { active: "failed", sub: "failed" };
const problem = { instance: "a", field: "", what: "w", fix: "f" };
const unwanted = { ...blankView("a"), held: false };

const CASES: readonly (readonly [given: string, view: View, step: Step | null])[] = [
  ["wanted, nothing there", unseen, "admit"],
  ["admitted", wanted, "prepare"],
  ["running as wanted, seen for the first time", { ...running, admitted: null }, null],
  [
    "running with another spec, which is not yet admitted",
    { ...running, admitted: null, main: up("m", "h0") },
    "admit",
  ],
  ["prepared for another spec", { ...wanted, prepared: "h0" }, "prepare"],
  ["prepared", prepared, "slice"],
  ["slice active", sliced, "policy"],
  ["another policy installed", { ...sliced, installed: "other" }, "policy"],
  ["policy in force", installed, "start"],
  ["no table, no isolation asked for", { ...sliced, exempt: wanted.policyHash }, "start"],
  ["running as wanted", running, null],
  ["running, hung", { ...running, health: { kind: "hung", why: "w" } }, "kill"],
  ["running, unhealthy", { ...running, health: { kind: "unhealthy", why: "w", version: "1", since: 1 } }, null],
  ["hung, and another spec is wanted", { ...running, main: up("m", "h0"), health: { kind: "hung", why: "w" } }, "stop"],
  ["hung, and not to be touched", { ...running, held: true, health: { kind: "hung", why: "w" } }, null],
  ["running, in a slice made anew", { ...running, slice: null, installed: null }, "slice"],
  ["running, policy differs: live", { ...running, installed: "other" }, "policy"],
  ["running with another spec", { ...running, main: up("m", "h0") }, "stop"],
  ["setup of another spec failed", { ...installed, setup: { ...up("s", "h0"), ...failed } }, "stop"],
  ["running, its start not written down", { ...running, started: null }, "mark"],
  ["setup under way", { ...installed, started: "h1", setup: { ...setup, active: "activating" } }, null],
  ["setup failed", { ...running, main: null, setup: { ...setup, ...failed } }, null],
  ["failed, another try asked for", { ...running, main: { ...main, ...failed }, retry: true }, "stop"],
  ["running, its files rotated", { ...running, rotated: ["configFile"] }, "stop"],
  ["failed, its files rotated", { ...running, main: { ...main, ...failed }, rotated: ["configFile"] }, "stop"],
  ["stopping, its files rotated", { ...running, main: { ...main, active: "deactivating" }, rotated: ["x"] }, null],
  ["stopped by hand, its files rotated", { ...installed, started: "h1", rotated: ["configFile"] }, null],
  ["setup passed over", { ...running, setup: over }, "stop"],
  ["setup passed over, its server failed", { ...running, main: { ...main, ...failed }, setup: over }, "stop"],
  ["setup passed over, it is said of one that is ready", { ...running, setup: over, health: ready }, null],
  ["setup passed over, it is said, once more", { ...running, setup: over, redone: true }, null],
  [
    "setup under way, not yet executed",
    { ...installed, started: "h1", setup: { ...over, active: "activating" } },
    null,
  ],
  ["setup executed", { ...running, setup: { ...setup, handedOff: 5 } }, null],
  ["the target was restarted", { ...running, ended: true }, "stop"],
  ["stopping", { ...running, main: { ...main, active: "deactivating" } }, null],
  ["stopped by hand", { ...installed, started: "h1" }, null],
  ["stopped by hand, changed since", { ...installed, started: "h0" }, "start"],
  ["blocked", { ...wanted, blocked: problem }, null],
  ["held, running", { ...running, wanted: null, held: true }, null],
  ["unwanted, running", { ...running, wanted: null }, "stop"],
  ["unwanted, failed", { ...unwanted, main: { ...main, ...failed } }, "stop"],
  ["unwanted, policy left", { ...unwanted, installed: "x", slice: 5n, prepared: "h1" }, "unpolicy"],
  ["unwanted, slice left", { ...unwanted, slice: 5n, prepared: "h1" }, "unslice"],
  ["unwanted, files left", { ...unwanted, prepared: "h1" }, "clean"],
  ["unwanted, marker left", { ...unwanted, started: "h1" }, "clean"],
  ["unwanted, nothing left", { ...unwanted, main: blankRecord("m") }, null],
];

for (const [given, view, step] of CASES) {
  test(`next step: ${given} → ${step ?? "nothing"}`, () => assert.equal(nextStep(view), step));
}

test("only an unwanted instance of which nothing is left is gone", () => {
  assert.equal(isGone(unwanted), true);
  assert.equal(isGone({ ...unwanted, held: true }), false);
  assert.equal(isGone({ ...unwanted, blocked: problem }), false);
  assert.equal(isGone(running), false);
});

test("nothing is ever started without the policy of this slice in force, or let off", () => {
  const hash = fc.constantFrom(null, "h0", "h1", wanted.policyHash);
  const record = fc.constantFrom(null, main, setup, { ...main, ...failed }, up("m", "h0"));
  const anyView = fc.record({
    slice: fc.constantFrom(null, 5n),
    ...{ installed: hash, exempt: hash, prepared: hash, started: hash, main: record, setup: record },
  });
  const property = fc.property(anyView, (found) => {
    const view: View = { ...wanted, ...found };
    const allowed =
      view.slice !== null && [view.installed, view.exempt].includes(view.policyHash) && view.prepared === "h1";
    return nextStep(view) !== "start" || allowed;
  });
  fc.assert(property, { numRuns: 2000 });
});
