import assert from "node:assert/strict";
import { test } from "node:test";
import { type InstalledMap, type Slices, transaction } from "./change.ts";
import { gateAt } from "./names.ts";
import { type Policy, policyHash } from "./policy.ts";
import { isolated, open } from "./testing.ts";

const gate = gateAt();
const live: Slices = { exists: () => true, stale: () => false };
const put = (installed: InstalledMap, policies: readonly Policy[], slices = live) =>
  transaction(gate, installed, { put: policies, remove: [] }, slices);
const remove = (installed: InstalledMap, names: readonly string[], slices = live) =>
  transaction(gate, installed, { put: [], remove: names }, slices);
const [a, b, c] = [isolated("a"), isolated("b"), open("c")];
const { installed } = put(new Map(), [a, b, c]);
const slots = (map: InstalledMap) => Object.fromEntries([...map].map(([name, { slot }]) => [name, slot]));
const about = (text: string, name: string) =>
  text.split("\n").filter((line) => new RegExp(`(out|no|in|blocked[46]?)_${name}\\b`).test(line));

test("instances get numbers of their own", () => {
  assert.deepEqual(slots(installed), { a: 1, b: 2, c: 3 });
  assert.equal(installed.get("a")?.hash, policyHash(a));
});

test("a changed policy keeps its number and its counters, and touches nobody else", () => {
  const changed = isolated("b", { loopbackPorts: [80] });
  const { text, installed: after } = put(installed, [changed]);
  assert.deepEqual(slots(after), slots(installed));
  assert.equal(after.get("b")?.hash, policyHash(changed));
  assert.doesNotMatch(text, /delete|flush (map|set)/);
  assert.deepEqual([about(text, "a"), about(text, "c")], [[], []]);
});

test("a removed instance goes with all it has, and nobody else is touched", () => {
  const { text, installed: after } = remove(installed, ["a"]);
  assert.deepEqual(slots(after), { b: 2, c: 3 });
  assert.deepEqual(
    about(text, "a").filter((line) => !/^(flush|delete) /.test(line)),
    [],
  );
  assert.doesNotMatch(text, /flush (map|set)|opencode-[bc]/);
  assert.match(text, /^delete element .* instances \{ .*opencode-a.slice" : jump out_a \}\n/);
  assert.equal(put(after, [isolated("d")]).installed.get("d")?.slot, 1);
});

test("one whose slice is gone, or was made anew, goes with all entries, and the others are entered again", () => {
  for (const slices of [
    { ...live, exists: (name: string) => name !== "a" },
    { ...live, stale: (name: string) => name === "a" },
  ]) {
    const { text } = remove(installed, ["a"], slices);
    assert.match(text, /^flush map .* instances\nflush map .* inbound\nflush set .* own\nflush map .* senders\n/);
    assert.match(text, /elements = \{\n.*opencode-b.slice" : jump out_b,\n.*opencode-c.slice" : jump out_c \}/);
  }
});

test("entering again leaves out an instance whose slice is gone", () => {
  const { text } = remove(installed, ["a"], { ...live, exists: (name) => name === "c" });
  assert.doesNotMatch(text, /jump out_b|jump no_b/);
  assert.match(text, /jump out_c/);
});

test("a slice that was made anew costs the old entry", () => {
  const { text, installed: after } = put(installed, [a], { ...live, stale: (name) => name === "a" });
  assert.match(text, /^flush map/);
  assert.doesNotMatch(text, /delete/);
  assert.deepEqual(slots(after), slots(installed));
});

test("isolation that is turned off and on keeps number and counters, and touches nobody else", () => {
  const off = put(installed, [open("a")]);
  assert.deepEqual(slots(off.installed), slots(installed));
  assert.doesNotMatch(off.text, /delete|flush (map|set)/);
  assert.deepEqual(put(off.installed, [a]).installed, installed);
});

test("what is not installed can be removed, and costs nothing", () => {
  assert.deepEqual(remove(installed, ["nobody"]), { text: "", installed });
});

test("more instances than the table has room for are refused", () => {
  const many = Array.from({ length: 8192 }, (_, index) => open(`i${index}`));
  assert.throws(() => put(new Map(), many), /room for 8191/);
});
