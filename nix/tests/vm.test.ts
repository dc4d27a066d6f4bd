/** The NixOS VM tests evaluate, and their scripts are Python; they run where NixOS is (`nix flake check`). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { run } from "../../testbed/run.ts";
import { NEEDS_LIB, value } from "./nix.ts";

const Tests = Type.Array(
  Type.Object({ name: Type.String(), testScript: Type.String(), instances: Type.Array(Type.Array(Type.String())) }),
);

test("the VM tests evaluate, and their scripts are Python", NEEDS_LIB, async () => {
  const tests = Value.Parse(Tests, await value("vm.nix"));
  assert.deepEqual(
    tests.map(({ instances }) => instances),
    [
      [["alpha", "beta", "broken"]],
      [
        [],
        ["changed", "disabled", "policy", "removed", "same"],
        ["added", "broken", "changed", "disabled", "policy", "same"],
      ],
    ],
  );
  for (const { testScript } of tests) {
    await run(["python3", "-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: testScript });
  }
});
