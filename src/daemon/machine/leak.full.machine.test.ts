/**
 * Nothing leaks, whatever is done to the supervisor and its table: fifty rounds of flushing, killing, deleting and restarting
 * while programs inside instances never stop trying to get out. What arrives is counted where it would, packet by packet.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import { TABLE } from "../../netpolicy/names.ts";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";
import { ESCAPER } from "../netfilter/fixtures.ts";
import { Supervised, scripted } from "./testing.ts";

const ALLOWED = ["192.0.2.2 80", "2001:db8::2 80"];
const BLOCKED = ["192.0.2.3 80", "2001:db8::3 80"];
const ROUNDS = 50;

const RESTART = "systemctl restart opencode-supervisor";
const KILL = "systemctl kill --signal=KILL opencode-supervisor";
const STOP = "systemctl stop opencode-supervisor";
const START = "systemctl start opencode-supervisor";
/** What is done in a round; each leaves the supervisor on its way up. */
const HANDS: readonly string[] = [
  "nft flush ruleset",
  `${KILL}; nft flush ruleset`,
  RESTART,
  `${KILL}; nft delete table ${TABLE}`,
  `${STOP}; nft delete table ${TABLE}; ${START}`,
  `${KILL}; nft flush table ${TABLE}`,
  "systemctl restart nftables",
  `${KILL}; nft insert rule ${TABLE} output accept; nft insert rule ${TABLE} out_steady accept`,
  "systemctl restart opencode-eager.service",
  `${KILL}; nft flush map ${TABLE} instances; nft flush chain ${TABLE} opencode`,
];

describe("fifty rounds of flushing, killing and restarting", () => {
  let host: Supervised;
  let peer: Peer;
  /** Packets that came to the peer's address, of TCP or UDP. */
  const arrived = async (address: string): Promise<number> => {
    const { stdout } = await peer.exec([
      "nft",
      "list",
      "counter",
      "inet",
      "count",
      `to_${address.replaceAll(/[.:]/g, "_")}`,
    ]);
    return Number(/packets (\d+)/.exec(stdout)?.[1]);
  };
  const addressOf = (target: string): string => target.split(" ")[0] ?? "";
  const all = (targets: readonly string[]) => Promise.all(targets.map((target) => arrived(addressOf(target))));

  before(async () => {
    host = await Supervised.up("leak");
    peer = await Peer.up("leak");
    await connect(host.machine, peer, {
      addresses: [
        ["192.0.2.1/24", "2001:db8::1/64"],
        ["192.0.2.2/24", "192.0.2.3/24", "2001:db8::2/64", "2001:db8::3/64"],
      ],
    });
    for (const protocol of ["tcp", "udp"] as const) await peer.listen({ protocol, port: 80 });
    const counters = [...ALLOWED, ...BLOCKED].map((target) => {
      const address = addressOf(target);
      const name = `to_${address.replaceAll(/[.:]/g, "_")}`;
      const family = address.includes(":") ? "ip6" : "ip";
      return `add counter inet count ${name}\nadd rule inet count in ${family} daddr ${address} meta l4proto { 6, 17 } counter name ${name}`;
    });
    const table = "add table inet count\nadd chain inet count in { type filter hook prerouting priority -400; }";
    await peer.exec(["nft", "-f", "-"], { input: [table, ...counters, ""].join("\n") });
    const drop = `/run/systemd/system/${SUPERVISOR_UNIT}.d/quick.conf`;
    await host.machine.writeFile(drop, "[Service]\nRestartSec=100ms\n");
    await host.systemctl("daemon-reload");
    const inside = (name: string, port: number) =>
      scripted(
        name,
        port,
        `exec node /srv/${name}/escape.mjs ${[...ALLOWED, ...BLOCKED].map((each) => `'${each}'`).join(" ")}`,
        {
          networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.2/32", "2001:db8::2/128"] },
        },
      );
    await host.write({ steady: inside("steady", 7001), eager: inside("eager", 7002) });
    for (const name of ["steady", "eager"]) await host.machine.writeFile(`/srv/${name}/escape.mjs`, ESCAPER);
    await host.systemctl("start", "opencode.target");
    for (const name of ["steady", "eager"]) await host.until(name, "starting");
  });
  after(async () => {
    await host?.down();
    await peer?.down();
  });

  it("lets through what is allowed, and of what is not, no packet", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const before = await all(ALLOWED);
      const hand = HANDS[round % HANDS.length] ?? "";
      await host.machine.sh(hand, { check: false });
      await host.machine.waitFor(`${hand}: all in force, and something allowed out`, async (saw) => {
        const states = [...(await host.instances()).values()].map(({ state, policy }) => [state, policy.inForce]);
        const now = await all(ALLOWED);
        saw([states, before, now]);
        return (
          states.length === 2 &&
          states.every(([, inForce]) => inForce === true) &&
          now.every((count, index) => count > (before[index] ?? 0))
        );
      });
      for (const chain of ["output", "out_steady"]) {
        const { stdout } = await host.machine.exec(["nft", "list", "chain", ...TABLE.split(" "), chain]);
        assert.doesNotMatch(stdout, /^\t\taccept$/m, `round ${round}: ${hand}`);
      }
      assert.deepEqual(await all(BLOCKED), [0, 0], `round ${round}: ${hand}`);
    }
  });

  it("and what counts, counts: without a policy the same programs arrive", async () => {
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await host.machine.exec(["nft", "delete", "table", ...TABLE.split(" ")]);
    assert.deepEqual(await all(BLOCKED), [0, 0], "the units' own filter holds");
    await host.systemctl("set-property", "--runtime", "opencode-steady.service", "IPAddressAllow=any");
    await host.machine.waitFor("the first to get out", async () => (await all(BLOCKED)).every((count) => count > 0));
  });
});
