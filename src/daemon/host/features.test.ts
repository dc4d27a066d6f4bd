import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "../../spec/problem.ts";
import { unfit } from "./features.ts";

test("a systemd that would refuse every unit is one problem of the host, with what to run instead", () => {
  assert.equal(unfit(254), null);
  const problem = unfit(253);
  assert.match(
    problem === null ? "" : formatProblem(problem),
    /^systemd 253 is too old: .*; run systemd 254 or later, then: /,
  );
});
