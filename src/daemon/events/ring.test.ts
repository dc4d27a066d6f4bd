import assert from "node:assert/strict";
import { test } from "node:test";
import { EventRing } from "./ring.ts";

const told = (count: number, kept = 512): EventRing => {
  const ring = new EventRing("run", kept);
  for (let i = 1; i <= count; i++) ring.add("info", { kind: "state", instance: "a", state: `s${i}` }, `event ${i}`);
  return ring;
};

test("an event has an id, a kind, a severity, its instance and its fields", () => {
  const ring = new EventRing("run");
  ring.add("warning", { kind: "blocked", instance: "a", step: "start", none: null, many: [1] }, "a: no");
  const { at, ...rest } = ring.all()[0] ?? { at: "" };
  assert.match(at, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.deepEqual(rest, {
    ...{ id: "run-1", kind: "blocked", severity: "warning", instance: "a", message: "a: no" },
    fields: { step: "start", many: "[1]" },
  });
});

test("only the last ones are kept, each of bounded size and without what a terminal acts on", () => {
  const ring = told(10, 3);
  assert.deepEqual([ring.first, ring.next, ring.all().map(({ id }) => id)], [8, 11, ["run-8", "run-9", "run-10"]]);
  ring.add("info", { kind: "state", what: "\u001b[2J".repeat(1e4) }, "\u001b]0;x\u0007".repeat(1e4));
  const text = JSON.stringify(ring.all().at(-1));
  assert.ok(text.length < 2000);
  assert.equal(text.includes("\\u001b"), false);
});

test("one who was away goes on where he was, or learns that he missed some", () => {
  const ring = told(10, 3);
  assert.deepEqual(ring.after(null), { next: 11, missed: false });
  assert.deepEqual(ring.after("run-9"), { next: 10, missed: false });
  assert.deepEqual(ring.after("run-7"), { next: 8, missed: false });
  for (const id of ["run-6", "run-11", "run-", "run-x", "other-9", "", "run-9999999999999999999", "run--1"]) {
    assert.deepEqual(ring.after(id), { next: 8, missed: true }, id);
  }
});
