/** Every Nix file parses, and is as short as the hosts' conventions ask. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { instantiate, NO_NIX } from "./nix.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const FILES = ["flake.nix", ...globSync("nix/**/*.nix", { cwd: ROOT })].map((path) => join(ROOT, path));

test("every Nix file parses", NO_NIX === null ? {} : { skip: NO_NIX }, async () => {
  const { code, stderr } = await instantiate("--parse", ...FILES);
  assert.equal(code, 0, stderr);
});

test("modules stay under about 200 lines, and start by saying what they are", () => {
  for (const file of FILES) {
    const lines = readFileSync(file, "utf8").split("\n");
    const isTable = file.includes("/tests/scenarios/");
    assert.ok(isTable || lines.length <= 220, `${file}: ${lines.length} lines`);
    assert.match(lines[0] ?? "", /^(# |\{$)/, file);
    if (!file.endsWith("flake.nix") && !isTable) assert.match(lines[0] ?? "", /^# /, file);
  }
});
