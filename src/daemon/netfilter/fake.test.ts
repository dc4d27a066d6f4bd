import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupOf, gateAt } from "../../netpolicy/names.ts";
import { policyHash } from "../../netpolicy/policy.ts";
import { isolated } from "../../netpolicy/testing.ts";
import { contract } from "./contract.ts";
import { FakeNetfilter } from "./fake.ts";
import { NetfilterError } from "./port.ts";

contract(async () => {
  const fake = new FakeNetfilter();
  let last = 1n;
  return {
    make: (path) => fake.cgroups.set(path, ++last),
    drop: (path) => fake.cgroups.delete(path),
    id: (path) => fake.cgroups.get(path) ?? 0n,
    open: async () => fake,
  };
});

const gate = gateAt();
const a = isolated("a");
const adopted = async () => {
  const fake = new FakeNetfilter([
    [gate.cgroup, 1n],
    [cgroupOf(gate, "a"), 2n],
  ]);
  await fake.adopt(gate);
  return fake;
};

test("the fake refuses what it is told to, changes nothing then, and remembers what it did", async () => {
  const fake = await adopted();
  fake.refuse = ({ put }) => (put.length > 0 ? new NetfilterError("refused", "because", "a") : null);
  await assert.rejects(fake.commit({ put: [a], remove: [] }), { code: "refused" });
  assert.deepEqual(fake.commits, []);
  fake.refuse = () => null;
  await fake.commit({ put: [a], remove: [] });
  assert.deepEqual(fake.commits, [{ put: [a], remove: [] }]);
});

test("the fake can lose its table", async () => {
  const fake = await adopted();
  await fake.commit({ put: [a], remove: [] });
  fake.lose();
  const wanted = [{ name: "a", hash: policyHash(a), cgroupId: 2n }];
  assert.deepEqual(await fake.inForce(wanted), new Map([["a", false]]));
  await assert.rejects(fake.commit({ put: [a], remove: [] }), { code: "not-adopted" });
});
