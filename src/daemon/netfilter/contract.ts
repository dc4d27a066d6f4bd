/** What every {@link Netfilter} does, told as tests: the real one and the fake go through the same story. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { cgroupOf, gateAt } from "../../netpolicy/names.ts";
import { type Policy, policyHash } from "../../netpolicy/policy.ts";
import { isolated, open } from "../../netpolicy/testing.ts";
import { type Netfilter, NetfilterError, type NetfilterErrorCode } from "./port.ts";

/** The machine around it. */
export interface Surroundings {
  /** Makes a cgroup that was not there. */
  make(path: string): void;
  /** Removes a cgroup. */
  drop(path: string): void;
  /** A cgroup's id; 0n for one that does not exist. */
  id(path: string): bigint;
  /** Another process's view of the same kernel. */
  open(): Promise<Netfilter>;
}

const gate = gateAt();
const slice = (name: string): string => cgroupOf(gate, name);
const [a, b, c] = [isolated("a"), isolated("b-b", { allow: { v4: ["10.0.0.0/8"], v6: [] } }), open("c")];
const refusal =
  (code: NetfilterErrorCode, instance: string | null = null) =>
  (error: unknown) =>
    error instanceof NetfilterError && error.code === code && error.problem.instance === instance;

export function contract(surroundings: () => Promise<Surroundings>): void {
  let around: Surroundings;
  let netfilter: Netfilter;
  before(async () => {
    around = await surroundings();
    netfilter = await around.open();
  });
  const put = (...policies: Policy[]) => netfilter.commit({ put: policies, remove: [] });
  const idOf = (name: string): bigint => around.id(slice(name));
  /** Names of those in force, of the policies given. */
  const inForce = async (...policies: Policy[]): Promise<string[]> => {
    const wanted = policies.map((policy) => ({
      name: policy.name,
      hash: policyHash(policy),
      cgroupId: idOf(policy.name),
    }));
    return [...(await netfilter.inForce(wanted))].filter(([, is]) => is).map(([name]) => name);
  };

  test("before a table is adopted nothing can be committed, and nothing is in force", async () => {
    await assert.rejects(put(a), refusal("not-adopted"));
    assert.deepEqual(await inForce(a), []);
  });

  test("a table cannot be adopted without the slice it is the gate of", async () => {
    await assert.rejects(netfilter.adopt(gate), refusal("gate-missing"));
    around.make(gate.cgroup);
    assert.deepEqual(await netfilter.adopt(gate), new Map());
  });

  test("an instance without a slice is refused by name, and the whole change with it", async () => {
    around.make(slice("a"));
    await assert.rejects(put(a, b), refusal("slice-missing", "b-b"));
    assert.deepEqual(await inForce(a, b), []);
  });

  test("what was committed is in force, with that hash and for that cgroup only", async () => {
    for (const name of ["b-b", "c"]) around.make(slice(name));
    await put(a, b, c);
    assert.deepEqual(await inForce(a, b, c), ["a", "b-b", "c"]);
    assert.deepEqual(await inForce(isolated("a", { loopbackPorts: [1] }), isolated("x")), []);
    const other = { name: "a", hash: policyHash(a), cgroupId: around.id(slice("c")) };
    assert.deepEqual(await netfilter.inForce([other]), new Map([["a", false]]));
    assert.deepEqual(
      ["a", "c", "x"].map((name) => netfilter.entryOf(name)),
      [idOf("a"), idOf("c"), null],
    );
  });

  test("a changed policy takes the place of the old one", async () => {
    const changed = isolated("a", { mode: "audit" });
    await put(changed);
    assert.deepEqual(await inForce(a), []);
    assert.deepEqual(await inForce(changed, b, c), ["a", "b-b", "c"]);
    await put(a);
  });

  test("isolation can be turned off and on", async () => {
    await put(open("a"), isolated("c"));
    assert.deepEqual(await inForce(open("a"), b, isolated("c")), ["a", "b-b", "c"]);
    await put(a, c);
    assert.deepEqual(await inForce(a, b, c), ["a", "b-b", "c"]);
  });

  test("who comes next finds what is installed, and goes on with it", async () => {
    netfilter.close();
    netfilter = await around.open();
    const installed = await netfilter.adopt(gate);
    assert.deepEqual(installed, new Map([a, b, c].map((each) => [each.name, policyHash(each)])));
    assert.deepEqual(await netfilter.adopt(gate), installed);
    assert.equal(netfilter.entryOf("a"), idOf("a"));
    assert.deepEqual(await inForce(a, b, c), ["a", "b-b", "c"]);
  });

  test("a slice that was made anew needs its policy put again", async () => {
    const before = idOf("a");
    around.drop(slice("a"));
    around.make(slice("a"));
    assert.deepEqual(await inForce(a, b), ["b-b"]);
    assert.equal(netfilter.entryOf("a"), before);
    await put(a);
    assert.equal(netfilter.entryOf("a"), idOf("a"));
    assert.deepEqual(await inForce(a, b, c), ["a", "b-b", "c"]);
  });

  test("an instance can be removed when its slice has gone already, while another's is gone too", async () => {
    around.drop(slice("a"));
    around.drop(slice("c"));
    await netfilter.commit({ put: [], remove: ["a", "nobody"] });
    assert.deepEqual(await inForce(a, b, c), ["b-b"]);
    around.make(slice("c"));
    await put(c);
    assert.deepEqual(await inForce(a, b, c), ["b-b", "c"]);
  });

  test("one change removes and puts", async () => {
    around.make(slice("a"));
    await netfilter.commit({ put: [a], remove: ["c"] });
    assert.deepEqual(await inForce(a, b, c), ["a", "b-b"]);
  });

  test("a gate that was made anew is noticed, and adopting again mends it", async () => {
    for (const path of [slice("a"), slice("b-b"), slice("c"), gate.cgroup]) around.drop(path);
    for (const path of [gate.cgroup, slice("a"), slice("b-b")]) around.make(path);
    assert.deepEqual(await inForce(a, b), []);
    await assert.rejects(put(a), refusal("not-adopted"));
    assert.deepEqual([...(await netfilter.adopt(gate)).keys()].sort(), ["a", "b-b"]);
    assert.deepEqual(await inForce(a, b), []);
    await put(a, b);
    assert.deepEqual(await inForce(a, b), ["a", "b-b"]);
  });

  test("many instances are read back as well as few", async () => {
    const many = Array.from({ length: 600 }, (_, index) =>
      index % 2 === 0 ? isolated(`n${index}`) : open(`n${index}`),
    );
    for (const { name } of many) around.make(slice(name));
    await put(...many);
    assert.equal((await inForce(a, b, ...many)).length, 602);
    await netfilter.commit({ put: [], remove: many.map(({ name }) => name) });
    assert.deepEqual(await inForce(a, b, ...many), ["a", "b-b"]);
    for (const { name } of many) around.drop(slice(name));
  });

  test("destroyed, nothing is left, and it can be destroyed again", async () => {
    await netfilter.destroy();
    await netfilter.destroy();
    assert.deepEqual(await inForce(a, b), []);
    assert.deepEqual(await netfilter.adopt(gate), new Map());
    await netfilter.destroy();
  });
}
