/** The scenarios of the requirements that an evaluation can show (scenarios/*.nix), by their names. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { NEEDS_LIB, NO_LIB, value } from "./nix.ts";

const Judged = Type.Object({
  ok: Type.Boolean(),
  expr: Type.Optional(Type.Unknown()),
  expected: Type.Optional(Type.Unknown()),
});
const Results = Type.Record(Type.String(), Type.Record(Type.String(), Type.Record(Type.String(), Judged)));

const results = NO_LIB === null ? Value.Parse(Results, await value("scenarios.nix")) : {};
for (const [spec, requirements] of Object.entries(results)) {
  for (const [requirement, scenarios] of Object.entries(requirements)) {
    describe(`${spec}: ${requirement}`, () => {
      for (const [scenario, { ok, expr, expected }] of Object.entries(scenarios)) {
        test(scenario, () => {
          if (!ok) assert.deepEqual(expr, expected);
          assert.ok(ok);
        });
      }
    });
  }
}
if (NO_LIB !== null) test("scenarios of the requirements", NEEDS_LIB);
