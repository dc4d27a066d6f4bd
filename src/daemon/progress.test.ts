import assert from "node:assert/strict";
import { test } from "node:test";
import { progressOf, progressText } from "./progress.ts";

const said = (counts: Readonly<Record<string, number>>): string => progressText(progressOf(counts));

test("how far a start is, and what failed, is one line", () => {
  assert.equal(
    said({ ready: 37, failed: 1, blocked: 1, starting: 11, waiting: 50 }),
    "37 of 100 instances up, 2 failed",
  );
  assert.equal(said({ ready: 1 }), "1 of 1 instance up");
  assert.equal(said({ ready: 1, stopped: 1, disabled: 5 }), "1 of 2 instances up, 1 stopped");
  assert.equal(said({}), "0 of 0 instances up");
});

test("what is on its way is what changes by itself; a state of a later version is that too", () => {
  const { underWay } = progressOf({
    "setting-up": 1,
    starting: 1,
    waiting: 1,
    stopping: 1,
    "backing-off": 1,
    later: 1,
  });
  assert.equal(underWay, 6);
  assert.equal(progressOf({ ready: 1, failed: 1, invalid: 1, blocked: 1, stopped: 1, unhealthy: 1 }).underWay, 0);
});
