import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CROWDED,
  cgroupOf,
  decodeName,
  encodeName,
  GRANTED,
  gateAt,
  hex,
  INSTANCES_MAX,
  instanceOf,
  KEPT,
  MARK,
  MARK_MASK,
  marked,
  namesOf,
  OPEN,
  SLOT_MASK,
  slotBits,
  slotOf,
} from "./names.ts";

test("what a mark says does not run together, and is no class of any queueing discipline", () => {
  const parts = [GRANTED, OPEN, KEPT, CROWDED, SLOT_MASK, MARK_MASK];
  for (const [index, part] of parts.entries()) {
    assert.equal(part & 15, 0);
    for (const other of parts.slice(index + 1)) assert.equal(part & other, 0);
  }
  assert.equal((MARK & MARK_MASK) >>> 0, MARK);
  for (const slot of [0, 1, 499, INSTANCES_MAX - 1]) {
    assert.equal(slotOf(MARK + slotBits(slot) + KEPT), slot);
    assert.equal(marked(), `meta priority & ${hex(MARK_MASK)} == ${hex((MARK + slotBits(slot) + OPEN) & MARK_MASK)}`);
  }
});

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
