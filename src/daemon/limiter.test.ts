import assert from "node:assert/strict";
import { test } from "node:test";
import { limiter } from "./limiter.ts";

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
  const hang = Promise.withResolvers<void>();
  const hanging = limit(() => hang.promise);
  await assert.rejects(
    limit(() => Promise.reject(new Error("thrown"))),
    /thrown/,
  );
  assert.equal(await limit(async () => "ran"), "ran");
  hang.resolve();
  await hanging;
});
