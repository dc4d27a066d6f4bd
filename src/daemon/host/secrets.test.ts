import assert from "node:assert/strict";
import { test } from "node:test";
import { specOf } from "../instance/testing.ts";
import { differing, secretFiles } from "./secrets.ts";

const CASES: readonly (readonly [what: string, before: string[], now: string[], fields: string[]])[] = [
  ["the same", ["configFile=1", "passwordFile=2"], ["configFile=1", "passwordFile=2"], []],
  ["one is another", ["configFile=1", "passwordFile=2"], ["configFile=1", "passwordFile=3"], ["passwordFile"]],
  ["both are", ["configFile=1", "passwordFile=2"], ["configFile=2", "passwordFile=1"], ["configFile", "passwordFile"]],
  ["the same content in another field", ["configFile=1", "passwordFile=2"], ["environmentFile=1"], ["environmentFile"]],
];
for (const [what, before, now, fields] of CASES) {
  test(`${what}: ${fields.join(", ") || "none"}`, () => assert.deepEqual(differing(before, now), fields));
}

test("only the files that are named are looked at", () => {
  assert.deepEqual(secretFiles(specOf("a")), []);
  assert.deepEqual(secretFiles(specOf("a", { environmentFile: "/etc/a.env", passwordFile: "/etc/a.password" })), [
    ["environmentFile", "/etc/a.env"],
    ["passwordFile", "/etc/a.password"],
  ]);
});
