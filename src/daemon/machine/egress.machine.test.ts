/** Network policy under the real daemon: two layers, live changes, the resolvers, what is refused and how it is told. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import { TABLE } from "../../netpolicy/names.ts";
import { RUNTIME_DIR, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { EgressReport, EgressState } from "../egress/model.ts";
import { EVENTS } from "../journal/messages.ts";
import { PROBE_SERVER } from "../netfilter/fixtures.ts";
import { type Fields, Supervised, scripted } from "./testing.ts";

const SENDS_EARLY = `node -e 'require("dgram").createSocket("udp4").send("early", 80, "192.0.2.3", () => process.exit())'`;
const RESULTS = Type.Array(Type.String());
/** An instance that tries what it is asked to, over its own server. */
const prober = (name: string, port: number, networkIsolation: object): Fields =>
  scripted(name, port, `exec node /srv/${name}/probe.mjs ${port}`, { networkIsolation, preInitScript: SENDS_EARLY });
const isolation = (more: object = {}) => ({
  enable: true,
  outboundAllowCidrs: ["192.0.2.2/32", "2001:db8::2/128"],
  ...more,
});
const PORT = 7001;

describe("network policy", () => {
  let host: Supervised;
  let peer: Peer;
  const instances = (more: object = {}) => ({
    a: prober("a", PORT, isolation(more)),
    audited: prober("audited", 7002, isolation({ mode: "audit" })),
  });
  const take = async (more: object = {}) => {
    await host.write(instances(more));
    await host.reload();
  };
  /** What becomes of what instance `a` tries, from within its unit. */
  async function tries(...targets: string[]): Promise<string[]> {
    const url = `http://127.0.0.1:${PORT}/${encodeURIComponent(JSON.stringify(targets))}`;
    return await host.machine.waitFor("the instance's answer", async (saw) => {
      const { stdout, stderr, code } = await host.machine.exec(["curl", "--silent", "--show-error", url], {
        check: false,
      });
      saw(stderr);
      return code === 0 && Value.Parse(RESULTS, JSON.parse(stdout));
    });
  }
  const get = async (path: string): Promise<unknown> => {
    const api = ["curl", "--silent", "--unix-socket", `${RUNTIME_DIR}/status.sock`];
    const body: unknown = JSON.parse((await host.machine.exec([...api, `http://localhost${path}`])).stdout);
    return body;
  };
  const report = async () => Value.Parse(EgressReport, await get("/v1/instances/a/egress"));
  const observed = async () => {
    await host.machine.waitFor("a canary", async (saw) => {
      const { observed } = await report();
      saw(observed);
      return observed !== null;
    });
  };
  const pid = async () => (await host.pids("a"))[0];
  const entries = async (kind: keyof typeof EVENTS, cursor: string) =>
    (await host.machine.journal({ unit: SUPERVISOR_UNIT, afterCursor: cursor })).filter(
      ({ MESSAGE_ID }) => MESSAGE_ID === EVENTS[kind].id,
    );

  before(async () => {
    host = await Supervised.up("netpolicy");
    peer = await Peer.up("netpolicy");
    await connect(host.machine, peer, {
      addresses: [
        ["192.0.2.1/24", "2001:db8::1/64"],
        ["192.0.2.2/24", "192.0.2.3/24", "192.0.2.53/24", "192.0.2.54/24", "2001:db8::2/64", "2001:db8::3/64"],
      ],
    });
    for (const address of ["192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"]) {
      for (const protocol of ["tcp", "udp"] as const) await peer.listen({ protocol, port: 80, address });
    }
    for (const address of ["192.0.2.53", "192.0.2.54"]) await peer.listen({ protocol: "tcp", port: 53, address });
    await host.machine.writeFile("/etc/resolv.conf", "nameserver 192.0.2.53\n");
    await host.write(instances());
    for (const name of ["a", "audited"]) await host.machine.writeFile(`/srv/${name}/probe.mjs`, PROBE_SERVER);
    await host.systemctl("start", "opencode.target");
    for (const name of ["a", "audited"]) await host.until(name, "ready");
  });
  after(async () => {
    await host?.down();
    await peer?.down();
  });

  it("holds from the first packet of the first hook, and is observed at work", async () => {
    assert.deepEqual(await tries("tcp 192.0.2.2 80", "udp 2001:db8::2 80"), ["ok", "ok"]);
    await observed();
    // Counters are read within two seconds after something was refused; the server may be ready before that.
    const early = await host.machine.waitFor("what the hook was refused", async (saw) => {
      const { destinations } = await report();
      saw(destinations);
      return destinations.find(({ protocol, port }) => protocol === "udp" && port === 80) ?? false;
    });
    assert.equal(early.address, "192.0.2.3");
    assert.deepEqual(
      peer.received.filter(({ data }) => data === "early").map(({ from }) => from.address).length,
      1,
      "the audited one's",
    );
  });

  it("is said twice: the units carry it as well, audit does not, and a change reaches both without a restart", async () => {
    const filter = async (unit: string) => [
      await host.show(unit, "IPAddressAllow"),
      (await host.show(unit, "IPAddressDeny")).split(" ").sort().join(" "),
    ];
    const DENIED = "0.0.0.0/0 ::/0";
    const [allow, deny] = await filter("opencode-a.service");
    assert.deepEqual(
      [allow?.split(" ").sort(), deny],
      [["127.0.0.0/8", "192.0.2.2/32", "192.0.2.53/32", "2001:db8::2/128", "::1/128"], DENIED],
    );
    assert.deepEqual(await filter("opencode.slice"), ["", DENIED]);
    assert.deepEqual((await filter("opencode-audited.service"))[1], "");
    const before = await pid();
    await take({ outboundAllowCidrs: ["192.0.2.3/32"] });
    assert.match((await filter("opencode-a.service"))[0] ?? "", /192\.0\.2\.3\/32/);
    assert.deepEqual(
      (await tries("tcp 192.0.2.2 80", "tcp 192.0.2.3 80")).map((said) => said === "ok"),
      [false, true],
    );
    assert.equal(await pid(), before);
    await take();
  });

  it("leads port 53 to the host's resolvers, whichever they are now, and to those named", async () => {
    const before = await pid();
    const targets = ["tcp 192.0.2.53 53", "tcp 192.0.2.54 53"];
    const reached = async () => (await tries(...targets)).map((said) => said === "ok");
    assert.deepEqual(await reached(), [true, false]);
    await host.machine.writeFile("/etc/resolv.conf", "nameserver 192.0.2.54\n");
    await host.machine.waitFor("the new resolver", async (saw) => {
      const now = await reached();
      saw(now);
      return now.join() === "false,true";
    });
    for (const [dns, expected] of [
      [["192.0.2.53"], [true, false]],
      [[], [false, false]],
      [null, [false, true]],
    ] as const) {
      await take({ dns });
      assert.deepEqual(await reached(), expected, JSON.stringify(dns));
    }
    assert.equal(await pid(), before);
  });

  it("losing the table is not losing the policy, and the loss is put right and said", async () => {
    const cursor = await host.machine.journalCursor();
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await host.machine.exec(["nft", "delete", "table", ...TABLE.split(" ")]);
    const targets = ["tcp 192.0.2.2 80", "tcp 192.0.2.3 80", "udp 192.0.2.3 80", "tcp 2001:db8::3 80"];
    const reached = async () => (await tries(...targets)).map((said) => said === "ok");
    assert.deepEqual(await reached(), [true, false, false, false]);
    await host.systemctl("start", SUPERVISOR_UNIT);
    await observed();
    assert.deepEqual(await reached(), [true, false, false, false]);
    const said = await entries("repaired", cursor);
    assert.match(
      String(said[0]?.MESSAGE),
      /changed by somebody while the supervisor was away.*not in force meanwhile: a/,
    );
    const { egress } = await host.status();
    assert.ok(egress.repairs > 0 && egress.lastRepair !== null);
    assert.notEqual((await host.instances()).get("a")?.policyObserved, null);
    const { repairs } = Value.Parse(EgressState, await get("/v1/egress"));
    assert.deepEqual(repairs.flatMap(({ lost }) => lost).sort(), ["a", "audited"]);
  });

  it("opencode.slice stopped and made anew: what starts in it has its policy", async () => {
    await host.systemctl("stop", "opencode.slice");
    // A server that goes with its slice may be killed before it has ended by itself.
    await host.machine.waitFor("end of both", async (saw) => {
      const instances = await host.instances();
      const states = ["a", "audited"].map((name) => instances.get(name)?.state ?? "");
      saw(states);
      return states.every((state) => ["stopped", "failed"].includes(state));
    });
    for (const name of ["a", "audited"]) assert.equal((await host.cli("start", name)).code, 0);
    assert.deepEqual(
      (await tries("tcp 192.0.2.2 80", "tcp 192.0.2.3 80")).map((said) => said === "ok"),
      [true, false],
    );
    await observed();
  });

  it("packet and raw sockets cannot be had", async () => {
    // 2: AF_INET, 17: AF_PACKET, 16: AF_NETLINK; 3: SOCK_RAW
    const script =
      'use Socket; for (@ARGV) { my ($f, $t, $p) = split /,/; print socket(my $s, $f, $t, $p) ? "had" : "not", "\\n" }';
    await host.machine.writeFile("/srv/a/sockets.pl", script);
    const more = {
      ...instances().a,
      preInitScript: "perl /srv/a/sockets.pl 2,3,1 17,3,3 17,2,3 16,3,0 2,2,0 >/srv/a/sockets.txt",
    };
    await host.write({ ...instances(), a: more });
    await host.reload();
    await host.machine.waitFor(
      "the answers",
      async () =>
        (await host.machine.exec(["cat", "/srv/a/sockets.txt"], { check: false })).stdout.split("\n").length > 5,
    );
    assert.equal(await host.machine.readFile("/srv/a/sockets.txt"), "not\nnot\nnot\nnot\nhad\n");
    await take();
  });

  it("what is refused is in the journal within two seconds, with every field and the line that allows it", async () => {
    const cursor = await host.machine.journalCursor();
    await tries("tcp 192.0.2.3 8443");
    const entry = await host.machine.waitFor(
      "the entry",
      async () => (await entries("refused", cursor)).find(({ OPENCODE_PORT }) => OPENCODE_PORT === "8443"),
      { deadlineMs: 2000 },
    );
    assert.equal(
      entry.MESSAGE,
      'a: 1 packet to 192.0.2.3:8443/tcp refused; to allow: networkIsolation.outboundAllowCidrs = [ "192.0.2.3/32" ];',
    );
    const { OPENCODE_INSTANCE, OPENCODE_DESTINATION, OPENCODE_PROTOCOL, OPENCODE_PACKETS } = entry;
    assert.deepEqual(
      [OPENCODE_INSTANCE, OPENCODE_DESTINATION, OPENCODE_PROTOCOL, OPENCODE_PACKETS],
      ["a", "192.0.2.3", "tcp", "1"],
    );
    for (const time of [entry.OPENCODE_FIRST_SEEN, entry.OPENCODE_LAST_SEEN]) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  it("goes on into a summary", async () => {
    await take({ logging: { summarySeconds: 10 } });
    const cursor = await host.machine.journalCursor();
    await tries(...Array.from({ length: 7 }, () => "tcp 192.0.2.3 8443"));
    const entry = await host.machine.waitFor(
      "the summary",
      async () => (await entries("refused", cursor)).find(({ OPENCODE_PORT }) => OPENCODE_PORT === "8443"),
      { deadlineMs: 90_000 }, // the last summary may have set the time for this one
    );
    assert.match(String(entry.MESSAGE), /^a: 7 packets to 192\.0\.2\.3:8443\/tcp refused; to allow/);
  });

  it("`blocked` shows it, and its suggestion, taken as it is, lets the instance through", async () => {
    const { stdout, code } = await host.cli("blocked", "a");
    assert.equal(code, 0);
    assert.match(stdout, /^a +192\.0\.2\.3:8443\/tcp +8 .* outboundAllowCidrs "192\.0\.2\.3\/32"$/m);
    assert.match(
      (await host.cli("blocked", "a", "--suggest")).stdout,
      /networkIsolation\.outboundAllowCidrs = \[ .*"192\.0\.2\.3\/32"/,
    );
    const json: unknown = JSON.parse((await host.cli("blocked", "a", "--suggest", "--json")).stdout);
    const Suggested = Type.Object({
      a: Type.Object({ networkIsolation: Type.Object({ outboundAllowCidrs: RESULTS }) }),
    });
    const { outboundAllowCidrs } = Value.Parse(Suggested, json).a.networkIsolation;
    await take({ outboundAllowCidrs });
    assert.deepEqual(await tries("tcp 192.0.2.3 80"), ["ok"]);
    await take();
    assert.equal((await host.cli("blocked", "nobody")).code, 66);
  });

  it("what is muted is refused and counted, and neither shown nor told", async () => {
    await take({ logging: { mute: ["192.0.2.3/32"] } });
    const cursor = await host.machine.journalCursor();
    const { total } = await report();
    assert.notDeepEqual(await tries("tcp 192.0.2.3 9443", "tcp 192.0.2.54 9443"), ["ok", "ok"]);
    await host.machine.waitFor("the other one's entry", async () => (await entries("refused", cursor)).length > 0);
    const told = (await entries("refused", cursor)).map(({ OPENCODE_DESTINATION }) => OPENCODE_DESTINATION);
    assert.deepEqual(told, ["192.0.2.54"]);
    assert.equal((await report()).total, total + 2);
    assert.doesNotMatch((await host.cli("blocked", "a")).stdout, /192\.0\.2\.3:/);
    assert.match((await host.cli("blocked", "a", "--all")).stdout, /192\.0\.2\.3:9443\/tcp .*\(muted\)/);
    await take();
  });

  it("audit says loudly that it refuses nothing", async () => {
    assert.equal((await host.instances()).get("audited")?.policy.wanted, "audit");
    const { stdout } = await host.cli("status");
    assert.match(stdout, /^audited .* AUDIT /m);
    assert.match(stdout, /^audited: audit mode: nothing is refused, only recorded/m);
    assert.match((await host.cli("blocked", "audited")).stdout, /^audited: audit: nothing of this was refused/m);
  });
});
