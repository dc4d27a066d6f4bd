import assert from "node:assert/strict";
import { test } from "node:test";
import { SUITES, suiteNamed, usualSuite } from "./suites.ts";

test("a machine is trixie unless the environment says otherwise", () => {
  assert.equal(usualSuite({}), "trixie");
  for (const suite of SUITES) assert.equal(usualSuite({ MACHINE_SUITE: suite }), suite);
});

test("a suite that there is not is refused with those that there are, wherever it is named", () => {
  const refusal = /^Error: there is no suite etch; write one of bookworm, .*trixie, .*sid$/;
  assert.throws(() => suiteNamed("etch"), refusal);
  assert.throws(() => usualSuite({ MACHINE_SUITE: "etch" }), refusal);
});
