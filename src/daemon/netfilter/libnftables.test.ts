/** The contract against the kernel, and what only the kernel can do to us. Which flags the table gets depends on libnftables. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { generation, Nft } from "nftables-napi";
import { inNamespaces } from "../../../packages/nftables-napi/testing.ts";
import { waitFor } from "../../../testbed/wait.ts";
import { CANARY, cgroupOf, gateAt, TABLE } from "../../netpolicy/names.ts";
import { policyHash } from "../../netpolicy/policy.ts";
import { isolated, LOGGING, open } from "../../netpolicy/testing.ts";
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

  test("what was called failed and was done is seen before the next change", async () => {
    const real = new Nft();
    let isLying = false;
    const run = (text: string) => {
      const said = real.run(text);
      return isLying
        ? { ...said, rc: -1, error: "netlink: Error: Could not process rule: Interrupted system call" }
        : said;
    };
    const other = await LibnftablesNetfilter.open(() => ({ run, close: () => real.close() }));
    const during = async (work: () => Promise<unknown>) => {
      isLying = true;
      await assert.rejects(work, /Interrupted system call/);
      isLying = false;
    };
    netfilter.close(); // the table belongs to one at a time
    await other.adopt(gate);
    await during(() => other.commit({ put: [], remove: ["a"] }));
    await other.commit({ put: [], remove: ["a"] });
    await during(() => other.commit({ put: [a], remove: [] }));
    await other.commit({ put: [a], remove: [] });
    other.close();
    netfilter = await LibnftablesNetfilter.open();
    await netfilter.adopt(gate);
    assert.equal(await inForce(), true);
  });

  test("one that is added, changed or removed leaves every other rule where it was", async () => {
    mkdirSync(`${ROOT}/${cgroupOf(gate, "c")}`, { recursive: true });
    /** Rules, chains and sets of all but `c`, with the kernel's handles: what is made anew has another. */
    const others = () => {
      const { stdout } = spawnSync("nft", ["--handle", "--numeric", "list", "table", ...TABLE.split(" ")], {
        encoding: "utf8",
      });
      return [...stdout.matchAll(/^.*# handle \d+$/gm)].map(([line]) => line).filter((line) => !/_c\b/.test(line));
    };
    const before = others();
    assert.ok(before.length > 50, String(before.length));
    for (const each of [isolated("c"), isolated("c", { loopbackPorts: [9] })]) {
      await netfilter.commit({ put: [each], remove: [] });
      assert.deepEqual(others().slice(0, before.length), before);
    }
    await netfilter.commit({ put: [], remove: ["c"] });
    assert.deepEqual(others(), before);
    rmdirSync(`${ROOT}/${cgroupOf(gate, "c")}`);
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

  test("what is refused is told at once, counted by destination, and told of nobody who is muted", async () => {
    const from = (name: string, ...sends: string[]) =>
      spawnSync("bash", ["-c", `echo 0 >"${ROOT}/${cgroupOf(gate, name)}/cgroup.procs"; ${sends.join(";")}`]);
    const mute = { ...LOGGING, mute: { v4: ["127.0.0.7"], v6: [] } };
    await netfilter.commit({ put: [isolated("a", { logging: mute })], remove: [] });
    let told = 0;
    netfilter.listen({ touched: () => {}, refused: () => void told++ });
    const before = (await netfilter.refused()).get("a") ?? 0n;
    from("a", "echo >/dev/udp/127.0.0.7/9");
    assert.equal((await netfilter.refused()).get("a"), before + 1n);
    from("a", "echo >/dev/udp/127.0.0.1/99", "echo >/dev/udp/127.0.0.1/99", "echo >/dev/udp/::1/98");
    assert.equal((await netfilter.refused()).get("a"), before + 4n);
    const found = (await netfilter.destinations("a")).filter(({ port }) => port !== 9);
    assert.deepEqual(
      found.map(({ ago: _, ...rest }) => rest),
      [
        { address: "127.0.0.1", protocol: 17, port: 99, packets: 2n },
        { address: "::1", protocol: 17, port: 98, packets: 1n },
      ],
    );
    assert.ok(found.every(({ ago }) => ago < 10_000));
    assert.deepEqual(await netfilter.destinations("nobody"), []);
    // The kernel speaks twice a second at most, and may have done so before anybody listened.
    await waitFor("the kernel's word", () => from("a", "echo >/dev/udp/127.0.0.1/97") && told > 0);
    await netfilter.commit({ put: [a], remove: [] });
  });

  test("a canary is counted for the instance it comes from, and for nobody else", async () => {
    mkdirSync(`${ROOT}/${cgroupOf(gate, "c")}`, { recursive: true });
    await netfilter.commit({ put: [open("c")], remove: [] });
    const before = await netfilter.canaries();
    const send = (cgroup: string) =>
      spawnSync("bash", [
        "-c",
        `echo 0 >"${ROOT}/${cgroup}/cgroup.procs"; echo >/dev/udp/${CANARY.address}/${CANARY.port}`,
      ]);
    for (const cgroup of [cgroupOf(gate, "a"), cgroupOf(gate, "c"), cgroupOf(gate, "c"), ""]) send(cgroup);
    const moved = [...(await netfilter.canaries())].map(([name, count]) => [name, count - (before.get(name) ?? 0n)]);
    assert.deepEqual(moved, [
      ["a", 1n],
      ["c", 2n],
    ]);
    await netfilter.commit({ put: [], remove: ["c"] });
  });

  test("somebody else's hand on the table is told of, by name; our own is not", async () => {
    const heard: (string | null)[] = [];
    netfilter.close();
    netfilter = await LibnftablesNetfilter.open();
    netfilter.listen({ touched: (by) => heard.push(by), refused: () => {} });
    await netfilter.adopt(gate);
    await netfilter.commit({ put: [a], remove: [] });
    spawnSync("nft", [`add chain ${TABLE} x; delete chain ${TABLE} x`]);
    const expected = netfilter.features.persist ? [] : ["nft"];
    await waitFor("the change", () => heard.length === expected.length);
    assert.deepEqual(
      heard.map((by) => by?.replace(/ \(pid \d+\)$/, "")),
      expected,
    );
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
