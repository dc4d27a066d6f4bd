import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blankRecord } from "./record.ts";
import { Records } from "./records.ts";

const [MAIN, SETUP, SLICE] = ["opencode-a.service", "opencode-a-setup.service", "opencode-a.slice"];
const hash = (text: string) => ({ LogExtraFields: [Buffer.from(`OPENCODE_SPEC_HASH=${text}`)] });
const service = (records: Records, properties: object) => records.changed(MAIN, { ...properties }, false);
const unit = (records: Records, properties: object) => records.changed(MAIN, { ...properties }, true);

/** Main is known, with its hash. */
function known(): Records {
  const records = new Records();
  records.said(MAIN, hash("h"));
  return records;
}

test("a change is told of once, when both of its signals are there", () => {
  const records = known();
  assert.equal(service(records, { MainPID: 7 }), null);
  assert.equal(unit(records, { ActiveState: "active", SubState: "running" }), "tell");
  assert.deepEqual([records.get(MAIN)?.mainPid, records.get(MAIN)?.active], [7, "active"]);
  assert.equal(unit(records, { ActiveState: "active", SubState: "running" }), null);
});

test("what changes no record is not told of", () => {
  const records = known();
  assert.equal(service(records, { MainPID: 0, StatusText: "x" }), null);
  assert.equal(unit(records, { Job: [7, "/job/7"] }), null);
});

test("between the end of a service and its next try nothing is told; then all of it is", () => {
  const records = known();
  service(records, { Result: "signal", ExecMainStatus: 9 });
  assert.equal(unit(records, { ActiveState: "failed", SubState: "failed-before-auto-restart" }), null);
  assert.equal(unit(records, { ActiveState: "activating", SubState: "auto-restart" }), "tell");
  assert.equal(records.get(MAIN)?.exitStatus, 9);
});

test("between the halves of a restart nothing is told; of a job that is taken back, all is", () => {
  const records = known();
  const [restarting, idle] = [{ Job: [7, "/job/7"] }, { Job: [0, "/"] }];
  unit(records, { ActiveState: "active" });
  assert.equal(unit(records, { ActiveState: "deactivating", ...restarting }), "tell");
  assert.equal(unit(records, { ActiveState: "inactive", ...restarting }), null);
  assert.equal(unit(records, { ActiveState: "inactive", ...idle }), "tell");
  assert.equal(unit(records, { ActiveState: "activating", ...restarting }), "tell");
});

test("that a slice ended is told also when it is started again at once: the next one has another cgroup", () => {
  const records = new Records();
  records.changed(SLICE, { ActiveState: "active" }, true);
  assert.equal(records.changed(SLICE, { ActiveState: "inactive", Job: [7, "/job/7"] }, true), "tell");
});

test("a service whose hash is not known is asked for it; a slice has none", () => {
  const records = new Records();
  const active = { ActiveState: "active" };
  const asked = [MAIN, SETUP, SLICE, "opencode.target"].map((name) => records.changed(name, active, true));
  assert.deepEqual(asked, ["ask", "ask", "tell", "tell"]);
});

test("an answer about a unit that has gone meanwhile brings it back for nobody", () => {
  const records = known();
  records.gone(MAIN);
  records.answered(MAIN, hash("h"));
  assert.equal(records.get(MAIN), undefined);
});

test("a setup has the hash of the main that it was started with, unless it has one itself", async () => {
  const records = known();
  records.said(SETUP, { ActiveState: "active" });
  records.shareHash("a");
  assert.equal(records.get(SETUP)?.specHash, "h");
  records.said(MAIN, hash("h2"));
  records.shareHash("a");
  assert.equal(records.get(SETUP)?.specHash, "h");
  records.shareHash("nobody");
});

test("a listing leaves nothing of before; one that fails takes nothing in, and later ones are as good", async () => {
  const records = known();
  await assert.rejects(records.listing(() => Promise.reject(new Error("no"))));
  assert.equal(records.get(MAIN)?.specHash, "h");
  await records.listing(async () => records.replace([blankRecord(SLICE)]));
  assert.deepEqual(
    records.all().map((record) => record.unit),
    [SLICE],
  );
});

test("whatever signals say while a listing is under way outlasts its answers, which may be older", async () => {
  const signal = fc.oneof(
    fc.constant(null),
    fc.record({ ActiveState: fc.constantFrom("active", "activating", "failed"), MainPID: fc.nat(9) }),
  );
  const signals = fc.array(signal, { minLength: 1, maxLength: 5 });
  const property = fc.asyncProperty(signals, signals, fc.boolean(), async (early, late, listed) => {
    const records = known();
    const hear = (said: typeof early) => {
      for (const properties of said) {
        if (properties === null) records.gone(MAIN);
        else records.changed(MAIN, properties, true);
      }
    };
    await records.listing(async () => {
      hear(early);
      records.replace(listed ? [{ ...blankRecord(MAIN), active: "of old", mainPid: 99 }] : []);
      hear(late);
      records.answered(MAIN, { MainPID: 98 });
    });
    const last = late.at(-1) ?? null;
    const found = records.get(MAIN);
    const now = found === undefined ? null : { ActiveState: found.active, MainPID: found.mainPid };
    assert.deepEqual(now, last && { ...last });
  });
  await fc.assert(property);
});
