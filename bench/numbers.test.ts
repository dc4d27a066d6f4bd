import assert from "node:assert/strict";
import { test } from "node:test";
import { kept, median, quantile, ratios, spread, table } from "./numbers.ts";

test("the median of an even number of runs lies between the two in the middle", () => {
  assert.equal(median([4, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test("a quarter of the runs lie below the lower quartile", () => assert.equal(quantile([5, 1, 4, 2, 3], 0.25), 2));

test("a spread shows the median and the extremes, a single run itself", () => {
  assert.equal(spread([1, 2, 9], 1, "s"), "2.0 s (1.0–9.0)");
  assert.equal(spread([2], 0, "ms"), "2 ms");
});

test("ratios are of runs side by side", () => assert.deepEqual(ratios([2, 9], [1, 3]), [2, 3]));

test("a target is kept by the median", () => assert.deepEqual([kept([1, 2, 9], 2), kept([3], 2)], ["yes", "NO"]));

test("a table is Markdown and reads as text", () => {
  assert.equal(
    table([
      ["a", "long head"],
      ["wide cell", "b"],
    ]),
    "| a         | long head |\n| --------- | --------- |\n| wide cell | b         |",
  );
});
