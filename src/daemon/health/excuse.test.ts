import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { waitFor } from "../../../testbed/wait.ts";
import { excuse, type Sample, sample } from "./excuse.ts";
import { ownCgroup } from "./testing.ts";

const at = (now: number, ran: number, waited: number, more: Partial<Sample> = {}): Sample => ({
  at: now,
  main: { state: "S", ran, waited },
  pressure: {},
  frozen: false,
  ...more,
});
const start = at(0, 0, 0, { pressure: { cpu: 0, io: 0, memory: 0 } });
const unseen = { main: null };

const CASES: readonly (readonly [what: string, after: Sample, said: RegExp | null])[] = [
  ["sleeps, with nothing to wait for", at(5000, 0, 0), null],
  ["spins on a processor of its own", at(5000, 5000, 20), null],
  ["waits for a processor", at(5000, 100, 1000), /processor/],
  ["hardly waits", at(5000, 100, 999), null],
  ["spins for long, and waits as well", at(90_000, 30_000, 60_000), null],
  ["is stopped by a signal", at(5000, 0, 0, { main: { state: "T", ran: 0, waited: 0 } }), null],
  ["waits for a disk", at(5000, 0, 0, { main: { state: "D", ran: 0, waited: 0 } }), /disk/],
  ["is being debugged", at(5000, 0, 0, { main: { state: "t", ran: 0, waited: 0 } }), /debugger/],
  ["is frozen", at(5000, 0, 0, { frozen: true }), /frozen/],
  ["is short of processors", at(5000, 0, 0, { pressure: { cpu: 1000 } }), /short of cpu/],
  ["is short of memory", at(5000, 0, 0, { pressure: { cpu: 0, memory: 1000 } }), /short of memory/],
  ["waits for its disk", at(5000, 0, 0, { pressure: { io: 4000 } }), /short of io/],
  ["is not there", at(5000, 0, 0, unseen), null],
];
for (const [what, after, said] of CASES) {
  test(`${said === null ? "no excuse" : "excused"}: it ${what}`, () => {
    const found = excuse(start, start, after);
    if (said === null) assert.equal(found, null);
    else assert.match(found ?? "", said);
  });
}

test("whoever waited a fifth of the time has an excuse, unless it ran for half a minute", () => {
  const milliseconds = fc.integer({ min: 0, max: 60_000 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60_000 }), milliseconds, milliseconds, (window, ran, waited) => {
      const found = excuse(start, start, at(window, ran, waited));
      assert.equal(found !== null, waited >= window / 5 && ran < 30_000);
    }),
  );
});

test("what the kernel counts: of two that want one processor each waits, and the excuse is found", async () => {
  const pin = ["-c", String(availableParallelism() - 1), process.execPath, "-e", "for (;;);"];
  const rivals = [spawn("taskset", pin), spawn("taskset", pin)];
  try {
    await Promise.all(rivals.map((rival) => once(rival, "spawn")));
    const [first] = rivals;
    const look = () => sample(`/proc/${first?.pid}`, ownCgroup());
    const before = await look();
    assert.ok(before.main !== null);
    await waitFor("an excuse", async (saw) => {
      const now = await look();
      saw(now);
      return /processor/.test(excuse(before, before, now) ?? "");
    });
  } finally {
    for (const rival of rivals) rival.kill("SIGKILL");
  }
});
