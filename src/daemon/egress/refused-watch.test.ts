import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FakeNetfilter } from "../netfilter/fake.ts";
import { Ledger } from "./ledger.ts";
import { RefusedWatch } from "./refused-watch.ts";

const to = (port: number, packets: bigint) => ({ address: "192.0.2.1", protocol: 6, port, packets, ago: 0 });

/** A watch over a fake; `reads` counts how often the kernel was asked. */
function watching(t: TestContext, tells = true) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const fake = new FakeNetfilter([], { persist: true, tells });
  const heard: string[] = [];
  let reads = 0;
  const counts = {
    features: fake.features,
    refused: () => {
      reads++;
      return fake.refused();
    },
    destinations: (name: string) => fake.destinations(name),
  };
  const watch = new RefusedWatch(counts, new Ledger(), (name, { grown }, isFirst) =>
    heard.push(`${name} ${grown.length}${isFirst ? " first" : ""}`),
  );
  const turn = async () => {
    t.mock.timers.tick(1000);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { fake, watch, heard, turn, reads: () => reads };
}

test("nothing is read until the kernel says so; then for as long as counters move, and once more", async (t) => {
  const { fake, watch, heard, turn, reads } = watching(t);
  await turn();
  assert.equal(reads(), 0);
  fake.drops.set("a", { total: 1n, destinations: [to(80, 1n)] });
  await watch.told();
  assert.deepEqual([heard, reads()], [["a 1 first"], 1]);
  fake.drops.set("a", { total: 3n, destinations: [to(80, 1n), to(81, 1n), to(82, 1n)] });
  await watch.told();
  assert.equal(reads(), 1, "it is about to be read anyway");
  await turn();
  assert.deepEqual([heard, reads()], [["a 1 first", "a 2"], 2]);
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(reads(), 3);
  await watch.told();
  assert.equal(reads(), 4);
  watch.close();
});

test("a kernel that cannot say so is asked every second", async (t) => {
  const { watch, turn, reads } = watching(t, false);
  await watch.told();
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(reads(), 4);
  watch.close();
  await turn();
  assert.equal(reads(), 4);
});

test("a table that is being made anew is read when it is there", async (t) => {
  const { fake, watch, heard, turn } = watching(t);
  fake.drops.set("a", { total: 1n, destinations: [to(80, 1n)] });
  await watch.told();
  fake.drops.set("a", { total: 2n, destinations: [to(80, 2n)] });
  const { destinations } = fake;
  fake.destinations = () => Promise.reject(new Error("no such set"));
  await turn();
  fake.destinations = destinations.bind(fake);
  await turn();
  assert.deepEqual(heard, ["a 1 first", "a 1"]);
  watch.close();
});
