import assert from "node:assert/strict";
import { test } from "node:test";
import { ticks } from "./ticks.ts";

test("long waits end together at the next tick, never early; then nothing ticks any more", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let now = 100;
  t.mock.method(performance, "now", () => now);
  const forward = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      now += 100;
      t.mock.timers.tick(100);
    }
    await Promise.resolve();
  };
  const wait = ticks(1000);
  const ended: string[] = [];
  const note = (name: string, milliseconds: number) => void wait(milliseconds).then(() => ended.push(name));
  note("a", 2500);
  note("b", 2900);
  note("c", 3000);
  note("short", 200);
  await forward(200);
  assert.deepEqual(ended, ["short"]);
  await forward(2200);
  assert.deepEqual(ended, ["short"]);
  await forward(1000);
  assert.deepEqual(ended, ["short", "a", "b"]);
  await forward(1000);
  assert.deepEqual(ended, ["short", "a", "b", "c"]);
  note("again", 2000);
  await forward(3100);
  assert.equal(ended.at(-1), "again");
});
