/** An agent that floods: what it is refused is counted to the packet, and the connection table stays everybody's. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Value } from "typebox/value";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import { TABLE } from "../../netpolicy/names.ts";
import { RUNTIME_DIR, SUPERVISOR_UNIT, sliceUnit } from "../../spec/names.ts";
import { EgressReport } from "../egress/model.ts";
import { EVENTS } from "../journal/messages.ts";
import { EACH_PORT, FILL, FLOOD } from "../netfilter/fixtures.ts";
import { light, Supervised } from "./testing.ts";

const [ALLOWED, BLOCKED] = ["192.0.2.2", "192.0.2.3"];
const [PER_SECOND, SECONDS] = [10_000, 10];
const LOGGING = { ratePerMinute: 5, burst: 5, summarySeconds: 10 };
const CONNECTIONS_MAX = 1000;
const networkIsolation = {
  enable: true,
  outboundAllowCidrs: [`${ALLOWED}/32`],
  connectionsMax: CONNECTIONS_MAX,
  logging: LOGGING,
};
const PATIENTLY = { deadlineMs: 300_000 };

describe("an agent that floods", () => {
  let host: Supervised;
  let peer: Peer;
  const perl = (text: string, ...args: (string | number)[]) => ["perl", "-e", text, "--", ...args.map(String)];
  /** Runs a program in an instance's slice; null is outside of all. */
  const run = async (name: string | null, argv: readonly string[]): Promise<string> => {
    const slice = name === null ? [] : [`--slice=${sliceUnit(name)}`, "--property=IPAddressAllow=any"];
    const options = ["--quiet", "--pipe", "--wait", "--collect", "--property=LimitNOFILE=65536", ...slice];
    return (await host.machine.exec(["systemd-run", ...options, "--", ...argv], { timeoutMs: 300_000 })).stdout.trim();
  };
  const report = async () => {
    const url = "http://localhost/v1/instances/a/egress";
    const { stdout } = await host.machine.exec([
      "curl",
      "--silent",
      "--unix-socket",
      `${RUNTIME_DIR}/status.sock`,
      url,
    ]);
    return Value.Parse(EgressReport, JSON.parse(stdout));
  };
  const arrived = async (): Promise<number> => {
    const { stdout } = await peer.exec(["nft", "list", "counter", "inet", "count", "blocked"]);
    return Number(/packets (\d+)/.exec(stdout)?.[1]);
  };
  const tracked = async (what: "count" | "max"): Promise<number> =>
    Number(await host.machine.readFile(`/proc/sys/net/netfilter/nf_conntrack_${what}`));
  const kernelLines = async (cursor: string, prefix: string) =>
    (await host.machine.journal({ matches: ["_TRANSPORT=kernel"], afterCursor: cursor })).filter(({ MESSAGE }) =>
      MESSAGE.startsWith(prefix),
    );

  before(async () => {
    host = await Supervised.up("flood");
    peer = await Peer.up("flood");
    await connect(host.machine, peer, { addresses: [["192.0.2.1/24"], [`${ALLOWED}/24`, `${BLOCKED}/24`]] });
    const input = `table inet count {\ncounter blocked { }\nchain in { type filter hook prerouting priority -400; ip daddr ${BLOCKED} counter name blocked; }\n}\n`;
    await peer.exec(["nft", "-f", "-"], { input });
    for (const protocol of ["tcp", "udp"] as const) await peer.listen({ protocol, port: 80 });
    await host.write({ a: light("a", 7001, { networkIsolation }), b: light("b", 7002, { networkIsolation }) });
    await host.systemctl("start", "opencode.target");
    for (const name of ["a", "b"]) await host.until(name, "starting", ({ policy }) => policy.inForce);
  });
  after(async () => {
    await host?.down();
    await peer?.down();
  });

  it(`${PER_SECOND} refused a second: every one is counted, none arrives, and the journal is told as much as is configured`, async () => {
    const cursor = await host.machine.journalCursor();
    const started = performance.now();
    const { total } = await report();
    const count = PER_SECOND * SECONDS;
    assert.equal(await run("a", perl(FLOOD, BLOCKED, 9, count, PER_SECOND)), String(count));
    await host.waitFor("the last of them", async () => (await report()).total - total === count);
    const [destination] = (await report()).destinations;
    assert.deepEqual([destination?.address, destination?.port, destination?.packets], [BLOCKED, 9, count]);
    assert.equal(await arrived(), 0);

    const told = async () =>
      (await host.machine.journal({ unit: SUPERVISOR_UNIT, afterCursor: cursor })).filter(
        ({ MESSAGE_ID }) => MESSAGE_ID === EVENTS.refused.id,
      );
    const sum = await host.waitFor("the last summary", async (saw) => {
      const packets = (await told()).reduce((all, entry) => all + Number(entry.OPENCODE_PACKETS), 0);
      saw(packets);
      return packets >= count && packets;
    });
    assert.equal(sum, count);
    const passed = (performance.now() - started) / 1000;
    const lines = (await told()).length;
    assert.ok(lines <= 2 + passed / LOGGING.summarySeconds, `${lines} of the supervisor's in ${passed} s`);
    const kernel = (await kernelLines(cursor, "opencode-a-blocked: ")).length;
    const most = LOGGING.burst + (LOGGING.ratePerMinute * passed) / 60;
    assert.ok(kernel >= 1 && kernel <= most, `${kernel} of the kernel's in ${passed} s`);
  });

  it("flows without end, by loopback too: it has as many as it may, and everybody else goes on", async () => {
    const cursor = await host.machine.journalCursor();
    const before = await tracked("count");
    await run("a", perl(FILL, 100, 2));
    const now = await tracked("count");
    assert.ok(now >= CONNECTIONS_MAX && now <= before + 1.2 * CONNECTIONS_MAX, `${before}, then ${now}`);
    assert.equal(await run("a", perl(EACH_PORT, ALLOWED, 10)), "10");
    assert.equal(await run("b", perl(EACH_PORT, ALLOWED, 10)), "0");
    assert.equal(await run(null, perl(EACH_PORT, BLOCKED, 10)), "0");
    await host.waitFor("why", async () => (await kernelLines(cursor, "opencode-a-connections: ")).length > 0);
    await host.waitFor("whose", async (saw) => {
      const { destinations } = await report();
      saw(destinations);
      return destinations.some(({ address, port, allow }) => address === ALLOWED && port > 40_000 && allow === null);
    });
  });

  it("the connection table is full, by whoever it was: nobody has a new one, and nothing blocked gets out", async () => {
    const before = await arrived();
    const side = Math.ceil(Math.sqrt(await tracked("max")));
    await host.machine.exec([
      "systemd-run",
      "--quiet",
      "--unit=filler",
      "--property=LimitNOFILE=65536",
      "--",
      ...perl(FILL, side, 1_000_000),
    ]);
    await host.machine.waitFor(
      "a full table",
      async (saw) => {
        const refused = Number(await run(null, perl(EACH_PORT, ALLOWED, 500)));
        saw(refused);
        return refused > 50;
      },
      PATIENTLY,
    );
    assert.equal(await run("b", perl(EACH_PORT, BLOCKED, 500)), "500");
    assert.equal(await arrived(), before);
    assert.equal((await host.instances()).get("b")?.policy.inForce, true);
    assert.match(
      (await host.machine.exec(["nft", "list", "counters", "table", ...TABLE.split(" ")])).stdout,
      /blocked_b/,
    );
    await host.systemctl("stop", "filler.service");
  });
});
