import assert from "node:assert/strict";
import { test } from "node:test";
import { increase, Ledger } from "./ledger.ts";

const to = (port: number, packets: bigint, ago = 0) => ({ address: "192.0.2.1", protocol: 6, port, packets, ago });

test("counts grow by what the kernel says", () => {
  const ledger = new Ledger();
  const first = ledger.take("a", 5n, [to(80, 5n, 40)], 1000);
  assert.deepEqual([first.further, first.grown.map(({ by, isNew }) => [by, isNew])], [0, [[5, true]]]);
  const second = ledger.take("a", 9n, [to(80, 7n), to(443, 2n, 10)], 2000);
  assert.deepEqual(
    second.grown.map(({ refused, by, isNew }) => [refused.port, by, isNew]),
    [
      [80, 2, false],
      [443, 2, true],
    ],
  );
  assert.deepEqual(ledger.account("a"), {
    total: 9,
    further: 0,
    destinations: [
      { address: "192.0.2.1", protocol: 6, port: 80, packets: 7, first: 960, last: 2000 },
      { address: "192.0.2.1", protocol: 6, port: 443, packets: 2, first: 1990, last: 1990 },
    ],
  });
});

test("a reading without news is known before it is made", () => {
  const ledger = new Ledger();
  assert.equal(ledger.isNews("a", 0n), false);
  assert.equal(ledger.isNews("a", 1n), true);
  ledger.take("a", 1n, [to(80, 1n)], 1);
  assert.equal(ledger.isNews("a", 1n), false);
});

test("when the kernel's set is full, totals stay exact", () => {
  const ledger = new Ledger();
  assert.equal(ledger.take("a", 10n, [to(80, 4n)], 1).further, 6);
  assert.equal(ledger.take("a", 30n, [to(80, 4n)], 2).further, 20);
  const { total, further } = ledger.account("a");
  assert.deepEqual([total, further], [30, 26]);
});

test("a destination read after the total it is part of is not counted twice", () => {
  const ledger = new Ledger();
  assert.equal(ledger.take("a", 1n, [to(80, 3n)], 1).further, 0);
  assert.equal(ledger.account("a").total, 3);
  assert.equal(ledger.take("a", 3n, [to(80, 3n)], 2).further, 0);
  assert.deepEqual([ledger.account("a").total, ledger.account("a").further], [3, 0]);
  assert.equal(ledger.take("a", 10n, [to(80, 6n)], 3).further, 4);
});

test("the oldest destinations give way; their packets stay in the total", () => {
  const ledger = new Ledger(2);
  for (const port of [1, 2, 3]) ledger.take("a", BigInt(port), [to(port, 1n)], port);
  const { total, further, destinations } = ledger.account("a");
  assert.deepEqual([total, further, destinations.map(({ port }) => port)], [3, 1, [3, 2]]);
});

const STEPS: readonly (readonly [what: string, before: bigint, now: bigint, by: number])[] = [
  ["goes on", 5n, 7n, 2],
  ["stands still", 5n, 5n, 0],
  ["was made anew", 5n, 3n, 3],
  ["was made anew and is 0", 5n, 0n, 0],
  ["passes 2⁶⁴", (1n << 64n) - 2n, 3n, 5],
];
for (const [what, before, now, by] of STEPS) {
  test(`a counter that ${what}`, () => assert.equal(increase(before, now), by));
}

test("an instance that is forgotten begins anew", () => {
  const ledger = new Ledger();
  ledger.take("a", 2n, [to(80, 2n)], 1);
  ledger.forget("a");
  assert.deepEqual(ledger.account("a"), { total: 0, further: 0, destinations: [] });
  assert.equal(ledger.take("a", 1n, [to(80, 1n)], 2).grown[0]?.isNew, true);
});
