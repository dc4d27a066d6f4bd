import assert from "node:assert/strict";
import { test } from "node:test";
import { readPage, upToDate } from "./reference.ts";

test("docs/sandbox.md says what is in baseline.json and runtime.json; if not: node src/sandbox/reference.ts", () => {
  const page = readPage();
  assert.equal(page, upToDate(page));
  assert.match(page, /\| `PrivateUsers=yes` \| no account of the host/);
});

test("a page without its marks is not written over", () => {
  assert.throws(() => upToDate("# The sandbox"), /has lost its marks/);
});
