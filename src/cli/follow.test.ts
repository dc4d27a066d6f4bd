import assert from "node:assert/strict";
import { test } from "node:test";
import { followAll } from "./follow.ts";

/** Answers these one after the other, the last one for ever; what was shown meanwhile. */
function course(...counts: readonly Readonly<Record<string, number>>[]) {
  const shown: string[] = [];
  let at = 0;
  const ask = async () => counts[Math.min(at++, counts.length - 1)] ?? {};
  const line = { show: (text: string) => void shown.push(text), end: () => void shown.push("end") };
  return { shown, ask, line };
}

test("it goes on until all are up or have failed, and says how far they are", async () => {
  const { shown, ask, line } = course({ waiting: 3 }, { starting: 2, failed: 1 }, { ready: 2, failed: 1 });
  assert.equal(await followAll({ everyMs: 0 }, ask, line), true);
  assert.deepEqual(shown, [
    ...["0 of 3 instances up", "0 of 3 instances up, 1 failed", "2 of 3 instances up, 1 failed"],
    "end",
  ]);
});

test("it is not over before there are as many as there are to be", async () => {
  const { shown, ask, line } = course({}, { disabled: 1 }, { starting: 2 }, { ready: 2, disabled: 1 });
  assert.equal(await followAll({ least: 2, everyMs: 0 }, ask, line), true);
  assert.equal(shown.length, 5);
});

test("when nothing changes for long it gives up; what changes is waited for", async () => {
  const { ask, line } = course({ starting: 1 });
  assert.equal(await followAll({ everyMs: 1, patienceMs: 20 }, ask, line), false);
});

test("when it cannot ask any more, the line is ended and the error goes on", async () => {
  const { shown, line } = course();
  await assert.rejects(
    followAll({}, () => Promise.reject(new Error("gone")), line),
    /gone/,
  );
  assert.deepEqual(shown, ["end"]);
});
