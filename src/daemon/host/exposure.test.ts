import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { exposureIn, exposureReader } from "./exposure.ts";

const said = (unit: string, exposure = "1.1") => `\n→ Overall exposure level for ${unit}: ${exposure} OK 🙂\n`;
const running = (unit: string, since = "now") => ({ unit, pid: 7, specHash: "h", since });

test("what systemd-analyze says is a number; anything else is none", () => {
  assert.equal(exposureIn(said("opencode-a.service", "0.9")), 0.9);
  assert.equal(exposureIn(said("opencode-b\\x2dc.service", "10.0")), 10);
  for (const text of ["", "Unit opencode-a.service not found, cannot analyze.", "exposure level for x: high"]) {
    assert.equal(exposureIn(text), null);
  }
});

test("one run of a server is looked at once, for all who ask; the next run anew", async () => {
  const asked: string[] = [];
  const read = exposureReader(async (unit) => {
    asked.push(unit);
    return said(unit, asked.length === 1 ? "1.1" : "2.2");
  });
  const all = await Promise.all(Array.from({ length: 20 }, () => read(running("a"))));
  assert.deepEqual([...new Set(all)], [1.1]);
  assert.equal(await read(running("a", "later")), 2.2);
  assert.deepEqual(asked, ["a", "a"]);
  assert.equal(await read({ ...running("a", "never"), pid: null }), null);
  assert.equal(asked.length, 2, "what does not run is not looked at");
});

test("what fails is null, and asked again by the next one", async () => {
  let fails = true;
  const read = exposureReader(async (unit) => {
    if (fails) throw new Error("no systemd-analyze");
    return said(unit);
  });
  assert.equal(await read(running("a")), null);
  fails = false;
  assert.equal(await read(running("a")), 1.1);
});

test("two are looked at at once, some wait, the rest go without; nobody waits for long", async () => {
  const gate = Promise.withResolvers<void>();
  let now = 0;
  let most = 0;
  const asked = new Set<string>();
  const read = exposureReader(async (unit) => {
    asked.add(unit);
    most = Math.max(most, ++now);
    await gate.promise;
    now--;
    return said(unit);
  }, 1);
  const all = Array.from({ length: 100 }, (_, index) => read(running(`u-${index}`)));
  assert.deepEqual([...new Set(await Promise.all(all))], [null]);
  assert.deepEqual([most, asked.size], [2, 2]);
  gate.resolve();
  await waitFor("what came too late for them", async () => (await read(running("u-33"))) === 1.1);
  assert.deepEqual([most, asked.size], [2, 34], "two, and 32 who waited");
});
