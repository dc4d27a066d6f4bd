/**
 * Policies kept in force on a real kernel, in namespaces of its own: systemd is a fake, slices are cgroups made by hand.
 * Whether somebody else can change the table at all depends on libnftables; the tests hold either way.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { watchLog } from "nftables-napi";
import { inNamespaces } from "../../../packages/nftables-napi/testing.ts";
import { waitFor } from "../../../testbed/wait.ts";
import { CANARY, cgroupOf, gateAt, LOG_GROUP, TABLE } from "../../netpolicy/names.ts";
import type { Policy } from "../../netpolicy/policy.ts";
import { isolated, LOGGING, open } from "../../netpolicy/testing.ts";
import { mainUnit, PARENT_SLICE, sliceUnit } from "../../spec/names.ts";
import { up } from "../instance/testing.ts";
import { LibnftablesNetfilter } from "../netfilter/libnftables.ts";
import { FakeSystemd } from "../systemd/fake.ts";
import { Egress, EgressError } from "./egress.ts";
import type { Repair } from "./guard.ts";
import type { Report } from "./report.ts";

const gate = gateAt();
const ROOT = "/sys/fs/cgroup";
const path = (name: string) => `${ROOT}/${cgroupOf(gate, name)}`;
const [a, b] = [isolated("a"), open("b")];
const nft = (...commands: string[]) => spawnSync("nft", [commands.join("; ")], { encoding: "utf8" });

/** systemd of which the test says what runs; a signal to a server is the canary that its init would send. */
class Systemd extends FakeSystemd {
  readonly silent = new Set<string>();
  override async kill(unit: string, signal: number): Promise<void> {
    await super.kill(unit, signal);
    const name = unit.replace(/^opencode-(.*)\.service$/, "$1");
    if (!this.silent.has(name)) sendFrom(name, CANARY.address, CANARY.port);
  }
}

/** Datagrams from inside an instance's slice. */
const sendFrom = (name: string, address: string, ...ports: number[]) => {
  const sends = ports.map((port) => `echo >/dev/udp/${address}/${port}`).join("; ");
  spawnSync("bash", ["-c", `echo 0 >"${path(name)}/cgroup.procs"; ${sends}`], { stdio: "ignore" });
};

inNamespaces(import.meta.url, () => {
  let systemd: Systemd;
  let netfilter: LibnftablesNetfilter;
  let egress: Egress;
  let repairs: Repair[];
  let reports: Report[];
  let unobserved: string[];

  const newEgress = () =>
    new Egress(netfilter, systemd, {
      repaired: (repair) => void repairs.push(repair),
      refused: (report) => void reports.push(report),
      unobserved: (name) => void unobserved.push(name),
    });
  beforeEach(async () => {
    for (const name of ["a", "b"]) mkdirSync(path(name), { recursive: true });
    [systemd, repairs, reports, unobserved] = [new Systemd(), [], [], []];
    netfilter = await LibnftablesNetfilter.open();
    egress = newEgress();
    for (const name of ["a", "b"]) systemd.set(up(mainUnit(name)));
  });
  afterEach(async () => {
    egress.close();
    await netfilter.destroy();
    netfilter.close();
  });
  const inForce = async (...policies: Policy[]) => {
    const answer = await egress.verify(policies);
    return policies.every(({ name }) => answer.get(name) === true);
  };
  const putBoth = () => Promise.all([a, b].map((policy) => egress.put(policy)));

  test("a policy is observed at work once it is put, and again after each change", async () => {
    await putBoth();
    await waitFor("both observed", () => egress.observedAt("a") !== null && egress.observedAt("b") !== null);
    const before = egress.observedAt("a");
    await egress.put(isolated("a", { loopbackPorts: [1] }));
    await waitFor("a observed again", () => {
      const now = egress.observedAt("a");
      return now !== null && now !== before;
    });
    assert.deepEqual(unobserved, []);
  });

  test("one whose canary does not come through is said; one that does not run is not", async () => {
    systemd.silent.add("a");
    systemd.set({ ...up(mainUnit("b")), mainPid: 0 });
    await putBoth();
    await waitFor("word of it", () => unobserved.length > 0);
    assert.deepEqual([unobserved, egress.observedAt("a"), egress.observedAt("b")], [["a"], null, null]);
  });

  const HANDS: readonly (readonly [what: string, commands: readonly string[]])[] = [
    ["flush ruleset", ["flush ruleset"]],
    ["delete table", [`delete table ${TABLE}`]],
    ["flush chain", [`flush chain ${TABLE} output`]],
    ["a rule before ours", [`insert rule ${TABLE} out_a accept`]],
    ["an entry taken out", [`flush map ${TABLE} instances`]],
  ];
  for (const [what, commands] of HANDS) {
    test(`${what}: refused by the kernel, or put right within a second`, async () => {
      await putBoth();
      const { status } = nft(...commands);
      const isChanged = status === 0 && !netfilter.features.persist;
      await waitFor("all in force", () => inForce(a, b), { deadlineMs: 1000 });
      if (isChanged) {
        await waitFor("word of it", () => repairs.length > 0);
        assert.match(repairs[0]?.by ?? "", /^nft \(pid \d+\)$/);
        assert.doesNotMatch(nft(`list chain ${TABLE} out_a`).stdout, /\taccept\n/);
        await waitFor("observed again", () => egress.observedAt("a") !== null);
      }
      assert.deepEqual(
        repairs.flatMap(({ failed }) => failed),
        [],
      );
      sendFrom("a", "127.0.0.1", 99);
      assert.ok(((await netfilter.refused()).get("a") ?? 0n) > 0n);
    });
  }

  test("a rule that is added while there is no policy does not stay for the first", async () => {
    await egress.open();
    nft(`insert rule ${TABLE} output accept`);
    await egress.put(a);
    await waitFor("the policy at work", async () => {
      sendFrom("a", "127.0.0.1", 99);
      return ((await netfilter.refused()).get("a") ?? 0n) > 0n;
    });
  });

  test("a hundred hands one after the other leave all in force, and do not fill the journal", async () => {
    await putBoth();
    for (let hand = 0; hand < 100; hand++) nft("flush ruleset");
    await waitFor("all in force", () => inForce(a, b));
    assert.ok(repairs.length <= 60, `${repairs.length} repairs`);
  });

  test("an instance's slice that is made anew gets its policy without being asked", async () => {
    await putBoth();
    rmdirSync(path("a"));
    mkdirSync(path("a"));
    assert.equal((await egress.verify([a])).get("a"), false);
    systemd.set({ ...up(sliceUnit("a")), active: "active" });
    await waitFor("in force for the new one", () => inForce(a, b), { deadlineMs: 1000 });
    await waitFor("word of it", () => repairs.length > 0);
    assert.deepEqual([repairs[0]?.by, repairs[0]?.lost], ["opencode-a.slice was made anew", ["a"]]);
  });

  test("so it is when opencode.slice itself is made anew: the gate is for the new one", async () => {
    await putBoth();
    for (const each of [path("a"), path("b"), `${ROOT}/${gate.cgroup}`]) rmdirSync(each);
    for (const name of ["a", "b"]) mkdirSync(path(name), { recursive: true });
    systemd.set({ ...up(PARENT_SLICE), active: "active" });
    await waitFor("in force behind the new gate", () => inForce(a, b), { deadlineMs: 1000 });
    await waitFor("word of it", () => repairs.length > 0);
    assert.deepEqual([repairs[0]?.by, repairs[0]?.lost], ["opencode.slice was made anew", ["a", "b"]]);
  });

  test("a slice that is active again, and is the one it was, is not looked up in the kernel", async () => {
    await putBoth();
    const asked: string[][] = [];
    const inForceOf = netfilter.inForce.bind(netfilter);
    netfilter.inForce = (wanted) => {
      asked.push(wanted.map(({ name }) => name));
      return inForceOf(wanted);
    };
    rmdirSync(path("b"));
    mkdirSync(path("b"));
    for (const name of ["a", "b"]) systemd.set(up(sliceUnit(name)));
    await waitFor("word of b", () => repairs.length > 0);
    assert.deepEqual(asked[0], ["b"]);
  });

  test("a slice that is gone is not waited for: the others are put back", async () => {
    await putBoth();
    rmdirSync(path("a"));
    nft("flush ruleset");
    await waitFor("b in force", () => inForce(b), { deadlineMs: 1000 });
  });

  test("slices on their way out are not brought back: that would cancel the stop of opencode.slice", async () => {
    await putBoth();
    for (const name of ["a", "b"]) rmdirSync(path(name));
    mkdirSync(path("b"));
    systemd.set({ ...up(sliceUnit("b")), active: "active" }); // it is another one, so that all are looked at
    await waitFor("b in force", () => inForce(b));
    await waitFor("word of it", () => repairs.length > 0);
    assert.deepEqual(
      [repairs.map(({ lost }) => lost), systemd.calls.filter((call) => call === `start ${PARENT_SLICE}`)],
      [[["b"]], []], // it has a cgroup, so it is not to be started
    );
  });

  test("an instance that ran without a policy when the daemon came is said once it has one", async () => {
    const held = spawn("bash", ["-c", `echo 0 >"${path("a")}/cgroup.procs"; echo in; exec sleep 1000`]);
    await once(held.stdout, "data");
    await putBoth();
    assert.deepEqual(
      repairs.map(({ by, lost }) => [by, lost]),
      [["somebody while the supervisor was away", ["a"]]],
    );
    held.kill("SIGKILL");
    await once(held, "exit");
  });

  test("what is refused is told within two seconds, with the line that allows it", async () => {
    await putBoth();
    sendFrom("a", "127.0.0.1", 99, 99, 98);
    const lines = () => reports.map(({ text }) => text).sort();
    await waitFor("both destinations", () => reports.length === 2, { deadlineMs: 2000 });
    assert.match(
      lines()[0] ?? "",
      /^a: [12] packets? to 127\.0\.0\.1:9[89]\/udp refused; to allow: networkIsolation\.allowLoopbackPorts = \[ 9[89] \];$/,
    );
    const report = egress.report("a");
    assert.deepEqual(
      [report?.total, report?.further, report?.destinations.map(({ port, packets }) => [port, packets]).sort()],
      [
        3,
        0,
        [
          [98, 1],
          [99, 2],
        ],
      ],
    );
    assert.equal(egress.report("nobody"), null);
  });

  test("what was refused while no daemon was there is in the first summary of the next", async () => {
    const brief = isolated("a", { logging: { ...LOGGING, summarySeconds: 1 } });
    await egress.put(brief);
    egress.close();
    netfilter.close();
    sendFrom("a", "127.0.0.1", 97);
    netfilter = await LibnftablesNetfilter.open();
    egress = newEgress();
    await egress.open();
    await setImmediate(); // what there is to read is read, and it is not known yet what is in force
    assert.deepEqual(await egress.verify([brief]), new Map([["a", true]]));
    await waitFor("the summary", () => reports.length > 0);
    assert.match(reports[0]?.text ?? "", /^a: 1 packet to 127\.0\.0\.1:97\/udp refused; to allow: /);
  });

  test("what is muted is counted and known, though nothing else is refused", async () => {
    await egress.put(isolated("a", { logging: { ...LOGGING, mute: { v4: ["127.0.0.9"], v6: [] } } }));
    sendFrom("a", "127.0.0.9", 99);
    await waitFor("it", () => egress.report("a")?.total === 1, { deadlineMs: 2000 });
    const muted = egress.report("a")?.destinations.map(({ address, muted }) => [address, muted]);
    assert.deepEqual([muted, reports], [[["127.0.0.9", true]], []]);
  });

  test("a table that cannot be listened to at first is listened to at the next try", async () => {
    const somebody = watchLog(LOG_GROUP, () => {});
    await assert.rejects(egress.put(a), EgressError);
    somebody.close();
    await egress.put(a);
    sendFrom("a", "127.0.0.1", 99);
    await waitFor("what was refused", () => reports.length === 1, { deadlineMs: 2000 });
    nft("flush ruleset");
    await waitFor("all in force", () => inForce(a), { deadlineMs: 1000 });
    assert.ok(repairs.length <= 1);
  });

  test("an instance that has all its connections is observed, and its canary is nothing it was refused", async () => {
    await egress.put(isolated("a", { connectionsMax: 16 }));
    await waitFor("it observed", () => egress.observedAt("a") !== null);
    const ports = Array.from({ length: 20 }, (_, index) => 5001 + index);
    sendFrom("a", "127.0.0.1", ...ports);
    const before = await netfilter.canaries();
    sendFrom("a", CANARY.address, CANARY.port);
    assert.equal((await netfilter.canaries()).get("a"), (before.get("a") ?? 0n) + 1n);
    const found = (await netfilter.destinations("a")).map(({ address }) => address);
    assert.deepEqual([found.length > 0, found.includes(CANARY.address)], [true, false]);
  });
});
