import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { mistakesOf } from "./commands.ts";

const TABLE: readonly (readonly [code: string, mistakes: readonly string[]])[] = [
  ["opencode-supervisor status", []],
  ["x=$(opencode-supervisor instances --names); opencode-supervisor logs a -f -n 5 | head -n 3", []],
  ["opencode-supervisor attach a -- --continue", []],
  ["opencode-supervisor statos", ['no command statos in "opencode-supervisor statos"']],
  ["opencode-supervisor start a --wiat", ["start has no option --wiat"]],
  ["sudo opencode-supervisor blocked -x", ["blocked has no option -x"]],
  [
    "systemctl restart opencode-supervisor.service --now; tar xf opencode-supervisor-0.1.0.tgz --x; mv /usr/lib/opencode-supervisor old",
    [],
  ],
  [
    "opencode-supervisor help; opencode-supervisor constructor",
    ['no command constructor in "opencode-supervisor constructor"'],
  ],
];
for (const [code, mistakes] of TABLE)
  test(`${code}: ${mistakes.length} mistakes`, () => assert.deepEqual(mistakesOf(code, COMMANDS), mistakes));
