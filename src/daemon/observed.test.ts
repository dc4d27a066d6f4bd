import assert from "node:assert/strict";
import { test } from "node:test";
import { blankView } from "./instance/controller.ts";
import { up } from "./instance/testing.ts";
import { adopted, observed } from "./observed.ts";
import { blankRecord } from "./systemd/record.ts";

const [main, setup] = [up("opencode-a.service", "h"), up("opencode-a-setup.service", "h")];
const slice = up("opencode-a.slice");
const nothing = { seen: new Map(), markers: new Map(), roots: new Set<string>(), installed: new Map() };

test("units are seen as what they are of their instances; those of others and those that are not active are not", () => {
  const others = [up("opencode.target"), up("sshd.service"), { ...up("opencode-mail.service"), specHash: null }];
  const gone = blankRecord("opencode-old.service");
  assert.deepEqual(
    [...observed([main, setup, slice, gone, ...others], new Map([[slice.unit, 7n]]))],
    [["a", { main, setup, slice: 7n }]],
  );
});

test("a slice that is not active, or whose cgroup is gone, is none that a policy can be put for", () => {
  const ids = new Map([[slice.unit, 7n]]);
  assert.deepEqual(observed([{ ...slice, active: "deactivating" }], ids).get("a"), { slice: null });
  assert.deepEqual(observed([slice], new Map()).get("a"), { slice: null });
});

test("what runs was prepared for as it is; what was started once for that; a root alone for nobody knows what", () => {
  const prepared = (found: object) => adopted("a", { ...nothing, ...found }).prepared;
  const seen = new Map([["a", { main }]]);
  const markers = new Map([["a", "h0"]]);
  const roots = new Set(["a"]);
  assert.equal(prepared({ seen, markers, roots }), "h");
  assert.equal(prepared({ markers, roots }), "h0");
  assert.equal(prepared({ roots }), "");
  assert.equal(prepared({}), null);
});

test("of one that is known it is known better whether it was started than the markers say, which may be older", () => {
  const stopped = { ...blankView("a"), started: null };
  const found = { ...nothing, markers: new Map([["a", "h0"]]) };
  assert.deepEqual([adopted("a", found, stopped).started, adopted("a", found).started], [null, "h0"]);
});

test("of an instance of which there is nothing nothing is adopted", () => {
  const blank = { main: null, setup: null, slice: null, started: null, prepared: null, installed: null };
  assert.deepEqual(adopted("b", { ...nothing, seen: new Map([["a", { main }]]) }), blank);
});
