import assert from "node:assert/strict";
import { test } from "node:test";
import { lastDifferent } from "./output.ts";

test("of a server that says the same at each try, the last lines are the different ones", () => {
  assert.deepEqual(lastDifferent(["a", "b", "a", "b", "a", "b"]), ["a", "b"]);
  assert.deepEqual(lastDifferent(["1", "2", "3", "4", "5", "6", "7"]), ["3", "4", "5", "6", "7"]);
  assert.deepEqual(lastDifferent([]), []);
});
