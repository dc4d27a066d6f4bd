/** The contract against the kernel, and what only the kernel can do to us. Which flags the table gets depends on libnftables. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { generation, Nft } from "nftables-napi";
import { inNamespaces } from "../../../packages/nftables-napi/testing.ts";
import { cgroupOf, gateAt, TABLE } from "../../netpolicy/names.ts";
import { policyHash } from "../../netpolicy/policy.ts";
import { isolated } from "../../netpolicy/testing.ts";
import { contract } from "./contract.ts";
import { LibnftablesNetfilter } from "./libnftables.ts";

const ROOT = "/sys/fs/cgroup";
const idOf = (path: string): bigint => statSync(`${ROOT}/${path}`, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n;

inNamespaces(import.meta.url, () => {
  describe("the contract", () =>
    contract(async () => ({
      make: (path) => mkdirSync(`${ROOT}/${path}`),
      drop: (path) => rmdirSync(`${ROOT}/${path}`),
      id: idOf,
      open: LibnftablesNetfilter.open,
    })));

  describe("the kernel", kernel);
});

function kernel(): void {
  const gate = gateAt();
  const a = isolated("a");
  const inForce = async () =>
    (await netfilter.inForce([{ name: "a", hash: policyHash(a), cgroupId: idOf(cgroupOf(gate, "a")) }])).get("a");
  const somebody = new Nft();
  let netfilter: LibnftablesNetfilter;
  before(async () => {
    mkdirSync(`${ROOT}/${cgroupOf(gate, "a")}`, { recursive: true });
    netfilter = await LibnftablesNetfilter.open();
  });
  after(() => netfilter.close());

  test("given nothing to do, no transaction happens", async () => {
    await netfilter.adopt(gate);
    await netfilter.commit({ put: [a], remove: [] });
    const then = generation();
    await netfilter.commit({ put: [], remove: [] });
    assert.equal(await inForce(), true);
    assert.equal(generation(), then);
  });

  test("counters outlive a changed policy and a new owner", async () => {
    const counted = () => /packets (\d+)/.exec(somebody.run(`list counter ${TABLE} blocked_a`).output)?.[1];
    const send = `echo 0 >"${ROOT}/${cgroupOf(gate, "a")}/cgroup.procs"; echo >/dev/udp/127.0.0.1/9`;
    spawnSync("bash", ["-c", send]);
    assert.equal(counted(), "1");
    const changed = isolated("a", { allow: { v4: ["192.0.2.0/24"], v6: [] } });
    await netfilter.commit({ put: [changed], remove: [] });
    netfilter.close();
    netfilter = await LibnftablesNetfilter.open();
    assert.deepEqual(await netfilter.adopt(gate), new Map([["a", policyHash(changed)]]));
    await netfilter.commit({ put: [a], remove: [] });
    assert.equal(counted(), "1");
  });

  test("a table of another layout is replaced as a whole", async () => {
    netfilter.close();
    const take = netfilter.features.persist ? `add table ${TABLE} { flags owner,persist; }\n` : "";
    const other = `flush chain ${TABLE} output\nadd rule ${TABLE} output counter comment "gate 0 1 1"\nadd chain ${TABLE} relic`;
    const previous = new Nft();
    assert.equal(previous.run(`${take}${other}`).error, "");
    previous.close();
    netfilter = await LibnftablesNetfilter.open();
    assert.deepEqual(await netfilter.adopt(gate), new Map());
    assert.doesNotMatch(somebody.run(`list table ${TABLE}`).output, /relic|out_a/);
    await netfilter.commit({ put: [a], remove: [] });
    assert.equal(await inForce(), true);
  });

  test("a ruleset that somebody flushes is noticed where it could be flushed, and mended by adopting again", async () => {
    assert.equal(somebody.run("flush ruleset").rc, 0);
    assert.equal(await inForce(), netfilter.features.persist);
    if (netfilter.features.persist) return;
    await assert.rejects(netfilter.commit({ put: [a], remove: [] }), { code: "not-adopted" });
    await netfilter.adopt(gate);
    await netfilter.commit({ put: [a], remove: [] });
    assert.equal(await inForce(), true);
  });

  test("a table that somebody owns is not taken, and the refusal says whose fault it is", async () => {
    await netfilter.destroy();
    assert.equal(somebody.run(`add table ${TABLE} { flags owner; }`).rc, 0);
    await assert.rejects(netfilter.adopt(gate), { code: "owned" });
    assert.equal(somebody.run(`delete table ${TABLE}`).rc, 0);
    await netfilter.adopt(gate);
  });
}
