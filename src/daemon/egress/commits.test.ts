import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupOf, gateAt } from "../../netpolicy/names.ts";
import { type Policy, policyHash } from "../../netpolicy/policy.ts";
import { isolated } from "../../netpolicy/testing.ts";
import { FakeNetfilter } from "../netfilter/fake.ts";
import { NetfilterError } from "../netfilter/port.ts";
import { Commits } from "./commits.ts";

const gate = gateAt();
const [a, b, c] = [isolated("a"), isolated("b"), isolated("c")];

async function committing() {
  const ids = ["a", "b", "c"].map((name, index) => [cgroupOf(gate, name), BigInt(index + 2)] as const);
  const fake = new FakeNetfilter([[gate.cgroup, 1n], ...ids]);
  await fake.adopt(gate);
  const wanted = ({ name, ...rest }: Policy) => ({
    name,
    hash: policyHash({ name, ...rest }),
    cgroupId: fake.cgroups.get(cgroupOf(gate, name)) ?? 0n,
  });
  let adoptions = 0;
  const commits = new Commits({
    netfilter: fake,
    verify: (policies) => fake.inForce(policies.map(wanted)),
    adopt: () => {
      adoptions++;
      return fake.adopt(gate);
    },
  });
  return { fake, commits, adoptions: () => adoptions };
}

test("changes that come together are one transaction", async () => {
  const { fake, commits } = await committing();
  await Promise.all([commits.put(a), commits.put(b), commits.remove("c")]);
  assert.deepEqual(fake.commits, [{ put: [a, b], remove: ["c"] }]);
});

test("of changes of one instance that come together the last one counts", async () => {
  const { fake, commits } = await committing();
  const answers = await Promise.allSettled([commits.put(a), commits.remove("a"), commits.remove("b"), commits.put(b)]);
  assert.deepEqual(fake.commits, [{ put: [b], remove: ["a"] }]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["rejected", "fulfilled", "fulfilled", "fulfilled"],
  );
});

test("one that is refused holds up no other", async () => {
  const { fake, commits } = await committing();
  fake.refuse = ({ put }) => (put.some(({ name }) => name === "b") ? new NetfilterError("refused", "no", "b") : null);
  const [first, second, third] = await Promise.allSettled([commits.put(a), commits.put(b), commits.put(c)]);
  assert.deepEqual([first?.status, second?.status, third?.status], ["fulfilled", "rejected", "fulfilled"]);
});

test("a table that is gone, or whose gate is for a slice that is gone, is adopted and the change made in it", async () => {
  const { fake, commits, adoptions } = await committing();
  await commits.put(a);
  fake.lose();
  await commits.put(b);
  assert.equal(adoptions(), 1);
  fake.cgroups.set(gate.cgroup, 77n);
  await commits.put(c);
  assert.equal(adoptions(), 2);
});

test("what is not there when it is read back was not done", async () => {
  const { fake, commits } = await committing();
  const path = cgroupOf(gate, "a");
  fake.refuse = () => {
    fake.cgroups.set(path, 99n); // the slice is made anew between the two
    return null;
  };
  const before = fake.inForce.bind(fake);
  fake.inForce = (wanted) => before(wanted.map((each) => ({ ...each, cgroupId: 2n })));
  await assert.rejects(commits.put(a), /not there when read back/);
});
