import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { waitFor } from "../../../testbed/wait.ts";
import type { Policy } from "../../netpolicy/policy.ts";
import { isolated, open } from "../../netpolicy/testing.ts";
import { Guard, type Repair } from "./guard.ts";

const guards: Guard[] = [];
afterEach(() => {
  for (const guard of guards) guard.close();
});

/** A guard over a kernel that holds what is put, until a test takes it away. */
function guarded(policies: readonly Policy[] = [], during: () => Promise<void> = async () => {}) {
  const kernel = new Set(policies.map(({ name }) => name));
  const refused = new Set<string>();
  const repairs: Repair[] = [];
  const gate = { isCurrent: true, asked: 0 };
  let remade = 0;
  const guard = new Guard({
    policies: () => [...policies],
    verify: async (wanted) => new Map(wanted.map(({ name }) => [name, kernel.has(name)])),
    isGateCurrent: () => {
      gate.asked++;
      return gate.isCurrent;
    },
    remake: async () => {
      remade++;
      await during();
    },
    put: async ({ name }) => {
      if (refused.has(name)) throw new Error("no");
      kernel.add(name);
    },
    repaired: (repair) => void repairs.push(repair),
  });
  guards.push(guard);
  return { kernel, refused, repairs, guard, gate, remade: () => remade };
}

test("what somebody took away is put back, and said", async () => {
  const { kernel, repairs, guard } = guarded([isolated("a"), open("b")]);
  kernel.clear();
  guard.touched("nft (pid 7)");
  await waitFor("the repair", () => repairs.length === 1);
  const [{ by, lost, failed } = {}] = repairs;
  assert.deepEqual([by, lost, failed, [...kernel]], ["nft (pid 7)", ["a", "b"], [], ["a", "b"]]);
});

test("what somebody changed is made anew even when nothing is missing: it may say something else", async () => {
  const { repairs, guard, remade } = guarded([isolated("a")]);
  guard.touched("nft (pid 7)");
  await waitFor("the repair", () => repairs.length === 1);
  assert.deepEqual([repairs[0]?.lost, remade()], [[], 1]);
});

test("what somebody changed while there is no policy is made anew for the next, unless the slice is gone", async () => {
  const { repairs, guard, gate, remade } = guarded();
  gate.isCurrent = false;
  guard.touched("nft (pid 7)");
  await waitFor("a look at the slice", () => gate.asked === 1);
  await setImmediate();
  assert.equal(remade(), 0);
  gate.isCurrent = true;
  guard.touched("nft (pid 8)");
  await waitFor("the repair", () => repairs.length === 1);
  assert.deepEqual([repairs[0]?.by, repairs[0]?.lost, remade()], ["nft (pid 8)", [], 1]);
});

test("what is removed while all is put right stays away", async () => {
  const [a, b] = [isolated("a"), open("b")];
  const policies = [a, b];
  const { kernel, repairs, guard } = guarded(policies, async () => {
    await setImmediate();
    policies.pop();
  });
  kernel.clear();
  guard.touched("nft (pid 7)");
  await waitFor("the repair", () => repairs.length === 1);
  assert.deepEqual([...kernel], ["a"]);
});

test("a look at what is as it should be changes nothing", async () => {
  const { repairs, guard, remade } = guarded([isolated("a")]);
  guard.touched(null);
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  assert.deepEqual([repairs, remade()], [[], 0]);
});

test("hands that come one after the other are answered together, and none is missed", async () => {
  const { kernel, repairs, guard } = guarded([isolated("a")]);
  for (let hand = 0; hand < 50; hand++) guard.touched(`nft (pid ${hand})`);
  kernel.clear();
  guard.touched("the last");
  await waitFor("the last repair", () => repairs.at(-1)?.by === "the last");
  assert.deepEqual([repairs.length <= 3, kernel.has("a")], [true, true]);
});

test("what cannot be put back is said, and tried until it can", async () => {
  const { kernel, refused, repairs, guard } = guarded([isolated("a"), isolated("b")]);
  refused.add("b");
  kernel.clear();
  guard.touched("nft (pid 7)");
  await waitFor("a try", () => repairs.length >= 1);
  assert.deepEqual([repairs[0]?.failed, kernel.has("a")], [["b"], true]);
  refused.clear();
  await waitFor("the repair", () => kernel.has("b") && repairs.at(-1)?.failed.length === 0);
});
