import assert from "node:assert/strict";
import { test } from "node:test";
import { blankView } from "../instance/controller.ts";
import { up } from "../instance/testing.ts";
import type { View } from "../instance/view.ts";
import { lastDifferent, OutputWatch } from "./output.ts";

test("of a server that says the same at each try, the last lines are the different ones", () => {
  assert.deepEqual(lastDifferent(["a", "b", "a", "b", "a", "b"]), ["a", "b"]);
  assert.deepEqual(lastDifferent(["1", "2", "3", "4", "5", "6", "7"]), ["3", "4", "5", "6", "7"]);
  assert.deepEqual(lastDifferent([]), []);
});

test("who is told of a failure is told at once what was killed for want of memory; the last lines come later", async () => {
  const said: Partial<View>[] = [];
  const ports = { lastWords: async (unit: string) => [unit], oomKills: () => 2 };
  const watch = new OutputWatch(ports, (_, found) => said.push(found));
  const view = { ...blankView("a"), main: { ...up("opencode-a.service"), active: "failed" } };
  watch.follow(view);
  assert.deepEqual(said, [{ oomKills: 2 }]);
  await Promise.resolve();
  assert.deepEqual(said.slice(1), [{ output: ["opencode-a.service"] }]);
  watch.follow({ ...view, oomKills: 2 });
  assert.equal(said.length, 2, "the same failure is looked at once");
  watch.follow({ ...view, main: up("opencode-a.service") });
  assert.deepEqual(said.slice(2), [{ output: [], oomKills: 0 }]);
});
