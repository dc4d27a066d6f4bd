import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plain } from "./text.ts";

test("what an agent writes reaches a terminal as one bounded line without control characters", () => {
  assert.equal(plain("\u001b[31mred\u001b[0m\nnext\u202e"), "[31mred [0m next");
  const isPlain = (text: string) => plain(text, 50).length <= 50 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(plain(text, 50));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 100 }), isPlain));
});
