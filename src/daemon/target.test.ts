import assert from "node:assert/strict";
import { test } from "node:test";
import { blankRecord } from "./systemd/record.ts";
import { Target } from "./target.ts";

const up = (since: number) => ({ ...blankRecord("opencode.target"), active: "active", since });
const down = (since: number) => ({ ...blankRecord("opencode.target"), since });
const CASES: readonly (readonly [
  what: string,
  seen: readonly ReturnType<typeof up>[],
  news: boolean,
  ended: boolean,
])[] = [
  ["active when first seen", [up(1)], true, false],
  ["not active when first seen", [down(0)], false, false],
  ["active as before", [up(1), up(1)], false, false],
  ["started", [down(0), up(1)], true, true],
  ["stopped", [up(1), down(2)], true, false],
  ["stopped, as before", [up(1), down(2), down(2)], false, false],
  ["stopped and started before anybody looked", [up(1), up(3)], true, true],
  ["since when it was active was not known", [up(0), up(3)], false, false],
];

for (const [what, seen, news, ended] of CASES) {
  test(`the target: ${what}`, () => {
    const target = new Target();
    const last = seen.map((record) => target.take(record)).at(-1);
    assert.deepEqual(last, { news, ended });
    assert.deepEqual([target.active, target.since], [seen.at(-1)?.active === "active", seen.at(-1)?.since]);
  });
}

test("the target: not loaded is not active", () => {
  const target = new Target();
  target.take(up(1));
  assert.deepEqual(target.take(undefined), { news: true, ended: false });
  assert.equal(target.active, false);
});
