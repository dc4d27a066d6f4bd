import assert from "node:assert/strict";
import { test } from "node:test";
import { columns, fitted, folded, hasColour, painted, shown, widthOf } from "./table.ts";

const ROWS = [
  ["NAME", "STATE", "WHY"],
  ["a", "ready", "x".repeat(100)],
];

test("columns are as wide as their widest cell, numbers stand at the right", () => {
  assert.deepEqual(
    columns([
      ["ab", "1"],
      ["c", "22"],
    ]),
    ["ab   1", "c   22"],
  );
  const pids = [
    ["NAME", "PID"],
    ["a", "-"],
    ["b", "1234"],
  ];
  assert.deepEqual(columns(pids), ["NAME   PID", "a        -", "b     1234"]);
  const values = [["a", "1"], ...[["b", "text of some length"]], ["c", "-"]];
  assert.deepEqual(columns(values), ["a  1", "b  text of some length", "c  -"], "not in a column of other things");
});

test("on a terminal the widest column gives way; what a program reads is whole", () => {
  for (const line of fitted(ROWS, 80)) assert.ok(line.length <= 80);
  assert.match(fitted(ROWS, 80)[1] ?? "", /^a {5}ready {2}x+…$/);
  assert.equal(widthOf({}), Number.POSITIVE_INFINITY);
  assert.deepEqual([widthOf({ isTTY: true }), widthOf({ isTTY: true, columns: 120 })], [80, 120]);
  assert.ok((shown(ROWS, {}, {})[1] ?? "").length > 100);
});

test("a list of names and values goes on below itself, and nothing of it is left out", () => {
  const rows = [
    ["environment", "default", '["HOME=/var/lib/opencode/instance-state/project-a","LANG=C.UTF-8"]'],
    ["hash", "file", "0".repeat(64)],
  ];
  const lines = folded(rows, 62);
  assert.deepEqual(lines, [
    'environment  default  ["HOME=/var/lib/opencode/instance-state/',
    '                      project-a","LANG=C.UTF-8"]',
    `hash         file     ${"0".repeat(40)}`,
    `                      ${"0".repeat(24)}`,
  ]);
  assert.deepEqual(folded(rows, Number.POSITIVE_INFINITY), columns(rows));
  assert.deepEqual(folded(rows, 44), [
    "environment  default",
    '      ["HOME=/var/lib/opencode/instance-stat',
    '      e/project-a","LANG=C.UTF-8"]',
    "hash         file",
    `      ${"0".repeat(38)}`,
    `      ${"0".repeat(26)}`,
  ]);
  assert.deepEqual(folded([["why", "one word after another, and so on"]], 25), [
    "why",
    "      one word after",
    "      another, and so on",
  ]);
});

test("colour is for a terminal, unless NO_COLOR says not", () => {
  const tty = { isTTY: true };
  assert.deepEqual(
    [
      hasColour(tty, {}),
      hasColour(tty, { NO_COLOR: "1" }),
      hasColour(tty, { NO_COLOR: "" }),
      hasColour({}, {}),
      hasColour(tty, { TERM: "dumb" }),
    ],
    [true, false, true, false, false],
  );
  assert.equal(painted("ready  failed  x", true), "ready  \u001b[31mfailed\u001b[0m  x");
  assert.equal(painted("a  failed", false), "a  failed");
});

test("an instance called like a state is not painted", () => {
  assert.equal(painted("failed  -", true), "failed  -");
});
