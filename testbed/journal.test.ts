import assert from "node:assert/strict";
import { test } from "node:test";
import { journalArguments, parseJournal } from "./journal.ts";

test("a query becomes journalctl's arguments, matches last", () => {
  const query = { unit: "a.service", grep: "x|y", matches: ["_TRANSPORT=kernel"], afterCursor: "s=1", lines: 2 };
  assert.deepEqual(journalArguments(query).slice(3), [
    ...["--unit=a.service", "--grep=x|y", "--after-cursor=s=1", "--lines=2", "_TRANSPORT=kernel"],
  ]);
  assert.deepEqual(journalArguments({}).slice(3), []);
});

test("a message that is not text (journalctl writes bytes as a list) is empty, the rest of the entry stays", () => {
  const [first, second, ...more] = parseJournal(
    '{"__CURSOR":"1","MESSAGE":"m"}\n{"__CURSOR":"2","MESSAGE":[1,2],"X":"y"}\n',
  );
  assert.deepEqual(more, []);
  assert.equal(first?.MESSAGE, "m");
  assert.deepEqual(second, { __CURSOR: "2", MESSAGE: "", X: "y" });
});
