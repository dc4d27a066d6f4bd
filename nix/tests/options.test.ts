/** Pages made from the module and the tests are fresh, and complete. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { OPTIONS_PAGE, optionsPage } from "../../scripts/nix-options.ts";
import { REQUIREMENTS_PAGE, requirementsPage, SCENARIOS, testsOf } from "../../scripts/nix-requirements.ts";
import { NEEDS_LIB } from "./nix.ts";

test("docs/options.md is what the module says (else: node scripts/nix-options.ts)", NEEDS_LIB, async () => {
  const page = await optionsPage();
  assert.equal(await readFile(OPTIONS_PAGE, "utf8"), page);
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(/(?<!\\) \| /));
  assert.ok(cells.length > 250);
  for (const [option, ...rest] of cells) for (const cell of rest) assert.match(cell, /[a-z0-9}\]]/i, option);
});

test("docs/requirements.md is what the tests say (else: node scripts/nix-requirements.ts)", async () => {
  assert.equal(await readFile(REQUIREMENTS_PAGE, "utf8"), requirementsPage());
});

describe("a test carries the name of scenario", () => {
  for (const [spec, , scenario] of SCENARIOS) {
    test(`${scenario} (${spec})`, () => assert.ok(testsOf(scenario).length > 0));
  }
});
