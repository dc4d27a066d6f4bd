import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { understood } from "./client.ts";
import { Unavailable } from "./command.ts";

const Answer = Type.Object({ state: Type.String() });

test("an answer is taken as what it should be", () => {
  assert.deepEqual(understood(Answer, { state: "ok" }), { state: "ok" });
});

test("the answer of a supervisor of another version is refused with what to do", () => {
  for (const body of [{}, { state: 1 }, null, "ok"]) {
    assert.throws(
      () => understood(Answer, body),
      (error) => error instanceof Unavailable && /another version.*systemctl restart/.test(error.message),
    );
  }
});
