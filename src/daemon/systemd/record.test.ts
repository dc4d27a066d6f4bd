import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyProperties, blankRecord, pathOfUnit, unitOfPath } from "./record.ts";

test("a unit's object path is the one systemd makes, and leads back to the unit", () => {
  assert.equal(pathOfUnit("opencode-a.service"), "/org/freedesktop/systemd1/unit/opencode_2da_2eservice");
  assert.equal(pathOfUnit("1a"), "/org/freedesktop/systemd1/unit/_31a");
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (unit) => unitOfPath(pathOfUnit(unit)) === unit),
  );
});

test("other paths are no units", () => {
  for (const path of [
    "/",
    "/org/freedesktop/systemd1",
    "/org/freedesktop/systemd1/unit/",
    "/org/freedesktop/systemd1/job/1",
    "/org/freedesktop/systemd1/unit/a_2fb/c",
    "/org/freedesktop/systemd1/unit/a_zz",
  ]) {
    assert.equal(unitOfPath(path), null);
  }
});

test("properties of a signal are taken into the record, unknown ones left aside", () => {
  const fields = [Buffer.from("OPENCODE_INSTANCE=a"), Buffer.from("OPENCODE_SPEC_HASH=abc")];
  const changed = applyProperties(blankRecord("u"), {
    ActiveState: "active",
    MainPID: 7,
    StateChangeTimestamp: 9n,
    ExecMainHandoffTimestamp: 0n,
    Foo: 1,
    LogExtraFields: fields,
  });
  assert.deepEqual(changed, {
    ...blankRecord("u"),
    active: "active",
    mainPid: 7,
    since: 9,
    handedOff: 0,
    specHash: "abc",
  });
});

test("what changes nothing leaves the record as it is", () => {
  const record = { ...blankRecord("u"), active: "active", mainPid: 7 };
  assert.equal(applyProperties(record, { ActiveState: "active", MainPID: 7, Job: [0, "/"] }), record);
  assert.notEqual(applyProperties(record, { ActiveState: "active", MainPID: 8 }), record);
});

test("a unit without our field is not ours", () => {
  assert.equal(applyProperties(blankRecord("u"), { LogExtraFields: [] }).specHash, null);
  assert.equal(applyProperties(blankRecord("u"), { LogExtraFields: undefined }).specHash, null);
});
