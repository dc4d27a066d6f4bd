import assert from "node:assert/strict";
import { test } from "node:test";
import { shared } from "./shared.ts";

test("those who ask together share a run, those who ask during one share the next", async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const ask = shared(async () => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    await run.promise;
    return runs.length;
  });
  const first = [ask(), ask()];
  await new Promise((resolve) => setImmediate(resolve));
  const second = [ask(), ask()];
  assert.equal(runs.length, 1);
  runs[0]?.resolve();
  assert.deepEqual(await Promise.all(first), [1, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  runs[1]?.resolve();
  assert.deepEqual(await Promise.all(second), [2, 2]);
});

test("a run that fails fails for those who shared it, and the next runs", async () => {
  let runs = 0;
  const ask = shared(async () => {
    if (++runs === 1) throw new Error("first");
    return runs;
  });
  const failing = [ask(), ask()];
  for (const each of failing) await assert.rejects(each, /first/);
  assert.equal(await ask(), 2);
});

test("after a run it is left alone for a while", async () => {
  const runs: number[] = [];
  const ask = shared(async () => void runs.push(performance.now()), 50);
  await ask();
  await Promise.all([ask(), ask()]);
  const [first = 0, second = 0, ...more] = runs;
  assert.deepEqual(more, []);
  assert.ok(second - first >= 49, `${second - first} ms`);
});
