import assert from "node:assert/strict";
import { test } from "node:test";
import { isAsShown, stepsOf } from "./steps.ts";

const PAGE =
  "```sh\na\n```\n```sh until exit=1\nb\n```\ntext\n```console\nout\n```\n```sh clone\nc\n```\n```json\n{}\n```\n";

test("a page's steps: where each is run, how it ends and what it prints", () => {
  const row = { exit: 0, isRepeated: false, output: null, place: "host" };
  assert.deepEqual(stepsOf(PAGE), [
    { ...row, line: 1, script: "a\n" },
    { ...row, line: 4, script: "b\n", exit: 1, isRepeated: true, output: "out\n" },
    { ...row, line: 11, script: "c\n", place: "clone" },
  ]);
});

test("a word that means nothing, and a wait for nothing, are mistakes", () => {
  assert.throws(() => stepsOf("```sh clon\n```\n"), /line 1: no meaning is given to clon/);
  assert.throws(() => stepsOf("```sh until\n```\n```sh\n```\n"), /line 1: until what/);
});

const SHOWN = "NAME  PID  LISTEN\na     330  127.0.0.1:8787\nat 2026-11-21 06:02:03, …\n";
const TABLE: readonly (readonly [printed: string, is: boolean])[] = [
  ["NAME  PID    LISTEN\na     12345  127.0.0.1:8787\nat 2027-01-02 23:59:59, whatever\n", true],
  ["\u001b[0mNAME PID LISTEN\na 1 127.0.0.1:8787\nat 2027-01-02 23:59:59, y \n\n", true],
  ["NAME PID LISTEN\na 1 127.0.0.1:8788\nat 2027-01-02 23:59:59, x", false],
  ["NAME PID LISTEN\na - 127.0.0.1:8787\nat 2027-01-02 23:59:59, x", false],
  ["NAME PID LISTEN\na 1 127.0.0.1:8787\nat noon, x", false],
  ["more\nNAME PID LISTEN\na 1 127.0.0.1:8787\nat 2027-01-02 23:59:59, x", false],
];
for (const [printed, is] of TABLE)
  test(`${JSON.stringify(printed)} is ${is ? "" : "not "}what is shown`, () =>
    assert.equal(isAsShown(SHOWN, printed), is));
