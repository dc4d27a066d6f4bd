import assert from "node:assert/strict";
import { test } from "node:test";
import { howItEnded, lastExit, type State, stateOf } from "./state.ts";
import { specOf, up, wantedView } from "./testing.ts";
import type { View } from "./view.ts";

const wanted = wantedView(specOf("a"));
const main = up("opencode-a.service");
const setup = { ...up("opencode-a-setup.service"), sub: "exited" };
const running: View = { ...wanted, main, setup, started: "h1" };
const exited = { active: "failed", sub: "failed", result: "exit-code", exitCode: 1, exitStatus: 78 };
const again = { ...exited, active: "activating", sub: "auto-restart" };

const CASES: readonly (readonly [given: string, view: View, state: State, why: RegExp | null])[] = [
  ["nothing there yet", wanted, "waiting", null],
  [
    "a step could not be done",
    { ...wanted, blocked: { instance: "a", field: "user", what: "w", fix: "f" } },
    "blocked",
    /^a: user: w; f$/,
  ],
  [
    "running, but its new policy was refused",
    { ...running, blocked: { instance: "a", field: "", what: "w", fix: "f" } },
    "starting",
    /^a: w; f$/,
  ],
  ["setup under way", { ...wanted, setup: { ...setup, active: "activating" } }, "setting-up", null],
  [
    "setup under way again, as it was passed over",
    { ...wanted, setup: { ...setup, active: "activating" }, redone: true },
    "setting-up",
    /^begun anew: systemd took setup for done before it ran$/,
  ],
  [
    "setup failed",
    { ...wanted, setup: { ...setup, ...exited } },
    "failed",
    /^setup failed: exit status 78: something the operator is to provide .*; mend it, then/,
  ],
  [
    "up, not yet answering",
    { ...running, health: { kind: "checking", last: "nothing listens" } },
    "starting",
    /nothing listens/,
  ],
  ["answering", { ...running, health: { kind: "ready", version: "1", since: 1 } }, "ready", null],
  [
    "not answering any more",
    { ...running, health: { kind: "unhealthy", version: "1", since: 1, why: "no answer" } },
    "unhealthy",
    /^no answer$/,
  ],
  ["hung, about to be killed", { ...running, health: { kind: "hung", why: "no answer" } }, "unhealthy", /^no answer$/],
  [
    "killed because it hung, and failed too often since",
    { ...running, main: { ...main, ...exited }, killed: "no answer" },
    "failed",
    /^the server hung and was killed: no answer; mend it/,
  ],
  [
    "on the way to the next try, as systemd tells it: not yet failed for good",
    { ...running, main: { ...main, ...exited, sub: "failed-before-auto-restart" } },
    "backing-off",
    /^the server failed: exit status 78[^;]*$/,
  ],
  ["between two tries", { ...running, main: { ...main, ...again } }, "backing-off", /exit status 78/],
  [
    "killed for want of memory, the first process or the server below it",
    { ...running, main: { ...main, ...exited, exitStatus: 137 }, oomKills: 1 },
    "failed",
    /^the server failed: killed by signal 9; one of its processes was killed for want of memory \(limits.memoryMax, or the host's\); mend/,
  ],
  [
    "killed for want of memory once more",
    {
      ...running,
      main: { ...main, ...again, result: "signal", exitCode: 2, exitStatus: 9 },
      oomKills: 3,
    },
    "backing-off",
    /^the server failed: killed by signal 9; 3 of its processes were killed for want of memory/,
  ],
  [
    "failed by itself, after a build of it was killed for want of memory",
    { ...running, main: { ...main, ...exited }, oomKills: 1 },
    "failed",
    /^the server failed: exit status 78: [^;]*; mend it/,
  ],
  ["failed too often", { ...running, main: { ...main, ...exited, result: "start-limit-hit" } }, "failed", /too often/],
  ["on its way down", { ...running, main: { ...main, active: "deactivating" } }, "stopping", null],
  ["no longer wanted", { ...running, wanted: null }, "stopping", null],
  ["not said what is wanted of it", { ...running, held: true }, "invalid", /left as it is/],
  ["stopped by hand", { ...wanted, started: "h1" }, "stopped", /opencode-supervisor start/],
];

for (const [given, view, state, why] of CASES) {
  test(`state: ${given} is ${state}`, () => {
    const found = stateOf(view);
    assert.equal(found.state, state);
    if (why === null) assert.equal(found.why, null);
    else assert.match(found.why ?? "", why);
  });
}

const ENDS: readonly (readonly [result: string, status: number, text: RegExp])[] = [
  ["exit-code", 226, /exit status 226: its file system view cannot be made/],
  ["signal", 9, /killed by signal 9/],
  ["exit-code", 137, /^killed by signal 9$/],
  ["core-dump", 11, /killed by signal 11/],
  ["timeout", 0, /limits.hookTimeout/],
  ["oom-kill", 0, /limits.memoryMax/],
  ["success", 0, /^unknown$/],
  ["exec-condition", 0, /exec-condition/],
];

for (const [result, exitStatus, text] of ENDS) {
  test(`how it ended: ${result} ${exitStatus}`, () => assert.match(howItEnded({ ...main, result, exitStatus }), text));
}

test("how it ended: what systemd then ends the rest with says nothing", () => {
  const setup = { ...main, result: "oom-kill", exitCode: 1, exitStatus: 143 };
  assert.equal(howItEnded(setup), "killed for want of memory (limits.memoryMax)");
});

test("the last exit of a server killed for want of memory says so, and of setup how that ended", () => {
  const killed = { ...main, ...exited, exitStatus: 137 };
  assert.match(
    lastExit({ ...running, main: killed, oomKills: 1 }) ?? "",
    /^killed by signal 9; one of its processes was/,
  );
  assert.match(lastExit({ ...running, setup: { ...main, result: "oom-kill" } }) ?? "", /limits.memoryMax/);
  assert.equal(lastExit(running), null);
});

test("how it ended: by a signal that ends it well where it was asked to stop", () => {
  assert.equal(howItEnded({ ...main, result: "success", exitCode: 2, exitStatus: 9 }), "killed by signal 9");
});
