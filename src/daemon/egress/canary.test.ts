import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeNetfilter } from "../netfilter/fake.ts";
import { observe } from "./canary.ts";

test("an instance is observed when its canary arrives; one that does not run is not among the answers", async (t) => {
  const fake = new FakeNetfilter();
  fake.arrived.set("a", 4n).set("b", 1n);
  const systemd = {
    kill: async (unit: string, signal: number) => {
      assert.equal(signal, 23);
      if (unit === "opencode-c.service") throw new Error("no such unit");
      if (unit === "opencode-a.service") fake.arrived.set("a", 5n);
    },
  };
  t.mock.timers.enable({ apis: ["Date"] });
  const answer = observe({ netfilter: fake, systemd }, ["a", "b", "c"]);
  setTimeout(() => t.mock.timers.tick(5000), 200);
  assert.deepEqual(
    await answer,
    new Map([
      ["a", true],
      ["b", false],
    ]),
  );
});
