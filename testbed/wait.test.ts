import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "./wait.ts";

const quick = { deadlineMs: 30, intervalMs: 1 };

test("resolves to what the probe finds, after misses and errors", async () => {
  const answers = [
    () => undefined,
    () => false,
    () => {
      throw new Error("not yet");
    },
    () => 0,
  ];
  assert.equal(await waitFor("answer", () => answers.shift()?.(), { intervalMs: 1 }), 0);
  assert.deepEqual(answers, []);
});

test("at the deadline says what it waited for and what it last noted", async () => {
  const probe = (saw: (what: unknown) => void): boolean => {
    saw({ state: "activating" });
    return false;
  };
  const expected = { message: "no start within 30 ms; last seen: { state: 'activating' }" };
  await assert.rejects(waitFor("start", probe, quick), expected);
});

test("at the deadline says the last error or value when nothing was noted", async () => {
  const refuse = (): never => {
    throw new Error("connection refused");
  };
  await assert.rejects(waitFor("port", refuse, quick), /last seen: connection refused$/);
  await assert.rejects(
    waitFor("value", () => null, quick),
    /last seen: null$/,
  );
});

test("what is over is not waited for", async () => {
  await assert.rejects(
    waitFor("it", () => false, { over: () => new Error("the machine has ended") }),
    /the machine has ended/,
  );
  assert.equal(await waitFor("it", () => 1, { over: () => new Error("the machine has ended") }), 1);
});
