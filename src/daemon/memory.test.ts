import assert from "node:assert/strict";
import { test } from "node:test";
import { tidier } from "./memory.ts";

const MEGABYTE = 1024 * 1024;

test("memory is tidied when it has grown, and not for a little", () => {
  let [resident, collected] = [100 * MEGABYTE, 0];
  const collect = () => {
    collected++;
    resident = Math.min(resident, 90 * MEGABYTE);
  };
  const tidy = tidier(collect, () => resident);
  tidy();
  assert.equal(collected, 1);
  resident += 7 * MEGABYTE;
  tidy();
  assert.equal(collected, 1);
  resident += 2 * MEGABYTE;
  tidy();
  tidy();
  assert.deepEqual([collected, resident], [2, 90 * MEGABYTE]);
});

test("without a collector to call nothing happens", () => {
  tidier(null, () => 100 * MEGABYTE)();
});
