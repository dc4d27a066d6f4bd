import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cgroupOf, decodeName, encodeName, gateAt, instanceOf, namesOf } from "./names.ts";

test("an ordinary name stays readable", () => {
  assert.equal(namesOf("project-a").out, "out_project-a");
  assert.equal(namesOf("project-a").logPrefix, "opencode-project-a-blocked: ");
  assert.equal(encodeName("a_b.c"), "a_5fb_2ec");
});

test("the gate's level is the depth of its path, and instances are one below", () => {
  assert.deepEqual(gateAt(), { cgroup: "opencode.slice", level: 1, supervisor: null });
  assert.equal(gateAt("opencode.slice", "system.slice/x.service").supervisor?.level, 2);
  assert.equal(gateAt("machine.slice/x.scope/opencode.slice").level, 3);
  assert.equal(cgroupOf(gateAt(), "project-a"), "opencode.slice/opencode-project\\x2da.slice");
});

test("every name makes an nft identifier from which it can be read back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (name) => {
      assert.match(encodeName(name), /^[A-Za-z0-9_-]*$/);
      assert.equal(decodeName(encodeName(name)), name);
      assert.equal(instanceOf(namesOf(name).out), name);
      assert.equal(instanceOf(namesOf(name).no), null);
    }),
  );
});
