/** The Nix that getting started shows is evaluated, and the supervisor's loader takes what it renders. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { parsePage } from "../../scripts/docs/markdown.ts";
import { bytes, said } from "../../src/spec/fixtures.ts";
import { parseInstanceFile } from "../../src/spec/parse.ts";
import { TREE } from "../../testbed/host.ts";
import { NEEDS_LIB, value } from "./nix.ts";

const PAGE = "docs/getting-started/nixos.md";
const { fences } = parsePage(readFileSync(join(TREE, PAGE), "utf8"));
const snippets = fences.filter(({ info }) => info[0] === "nix");

describe(PAGE, () => {
  test("shows a flake and modules", () => assert.ok(snippets.length >= 4));

  for (const { line, body } of snippets) {
    test(`line ${line}: evaluates to an instance file that the loader takes`, NEEDS_LIB, async () => {
      const files = Value.Parse(Type.Array(Type.String()), await value("page.nix", { snippet: `(${body})` }));
      assert.equal(files.length, 1);
      for (const file of files) {
        const parsed = parseInstanceFile(bytes(file));
        assert.deepEqual(said(parsed), []);
        assert.deepEqual(parsed.ok && parsed.specs.map(({ name, directory }) => `${name} ${directory}`), [
          "project-a /srv/project-a",
        ]);
      }
    });
  }
});
