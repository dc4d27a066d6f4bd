import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeNetfilter } from "../netfilter/fake.ts";
import { blankRecord } from "../systemd/record.ts";
import { observe } from "./canary.ts";

test("an instance is observed when its canary arrives; one that does not run is not among the answers", async (t) => {
  const fake = new FakeNetfilter();
  fake.arrived.set("a", 4n).set("b", 1n);
  const systemd = {
    record: (unit: string) => ({ ...blankRecord(unit), active: unit === "opencode-d.service" ? "inactive" : "active" }),
    kill: async (unit: string, signal: number) => {
      assert.equal(signal, 23);
      assert.notEqual(unit, "opencode-d.service");
      if (unit === "opencode-c.service") throw new Error("no such unit");
      if (unit === "opencode-a.service") fake.arrived.set("a", 5n);
    },
  };
  t.mock.timers.enable({ apis: ["Date"] });
  const answer = observe({ netfilter: fake, systemd }, ["a", "b", "c", "d"], await fake.canaries());
  setTimeout(() => t.mock.timers.tick(5000), 200);
  assert.deepEqual(
    await answer,
    new Map([
      ["a", true],
      ["b", false],
    ]),
  );
});
