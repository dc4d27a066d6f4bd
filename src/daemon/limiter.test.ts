import assert from "node:assert/strict";
import { test } from "node:test";
import { limiter } from "./limiter.ts";
import { until } from "./testing.ts";

test("no more run at once than there are slots, and all of them run", async () => {
  const limit = limiter({ slots: 2, giveUpMs: 60_000 });
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  };
  await Promise.all(Array.from({ length: 9 }, () => limit(work)));
  assert.equal(most, 2);
});

test("one that hangs gives its slot up, and one that throws gives it back", async () => {
  const limit = limiter({ slots: 1, giveUpMs: 10 });
  let release = () => undefined as void;
  const hanging = limit(() => new Promise<void>((resolve) => (release = resolve)));
  await assert.rejects(
    limit(() => Promise.reject(new Error("thrown"))),
    /thrown/,
  );
  let ran = false;
  await limit(async () => void (ran = true));
  await until("the third ran", () => ran);
  release();
  await hanging;
});
