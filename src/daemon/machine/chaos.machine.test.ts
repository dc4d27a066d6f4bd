/** The short run of chaos; `npm run chaos` is the long one, with another seed each time if wanted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chaos } from "./chaos/run.ts";

test("everything at once, to fifty instances: they come to what the file says, who was not touched runs on, nothing is left over", async (t) => {
  const result = await chaos({ seed: 1, instances: 50, kills: 8, quietEvery: 4 }, (line) => t.diagnostic(line));
  assert.ok(result.refused > 0);
  t.diagnostic(JSON.stringify(result));
});
