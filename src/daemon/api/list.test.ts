import assert from "node:assert/strict";
import { test } from "node:test";
import { specOf } from "../instance/testing.ts";
import { instanceStatuses, type Snapshot } from "../status.ts";
import { instanceList } from "./list.ts";
import { readyView, snapshotOf } from "./testing.ts";

test("it is what the model says, whatever changes, and the same bytes while nothing does", () => {
  let observed: number | null = null;
  const named = (name: string) => ({ ...readyView, name });
  const [b, d] = [named("b"), named("d")];
  const egress = { missing: null, repairs: [], observedAt: () => observed };
  let now: Snapshot = { ...snapshotOf([d, b]), egress };
  const list = instanceList(() => now);
  const isRight = (): Buffer => {
    const bytes = list();
    assert.deepEqual(JSON.parse(bytes.toString()), { instances: instanceStatuses(now) });
    return bytes;
  };
  const first = isRight();
  assert.equal(isRight(), first);
  now = { ...now, views: [b, { ...d, blocked: { instance: "d", field: "", what: "x", fix: "y" } }] };
  assert.notEqual(isRight(), first);
  observed = 1_700_000_000_000;
  isRight();
  now = { ...now, file: { ...now.file, disabled: [specOf("c", { enable: false })], kept: ["a"] } };
  isRight();
  now = { ...now, views: [b] };
  isRight();
  now = { ...now, views: [] };
  isRight();
});
