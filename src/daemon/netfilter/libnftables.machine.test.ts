/** What the rules do to packets, on a booted machine: real slices, real sockets, the machine's own libnftables. */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { INSIDE_ENVIRONMENT } from "../../../packages/nftables-napi/testing.ts";
import { INSTALLED, NODE_DIR } from "../../../testbed/host.ts";
import { ENVIRONMENT, Machine } from "../../../testbed/machine.ts";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import { cgroupOf, gateAt, TABLE } from "../../netpolicy/names.ts";
import { type Policy, policyHash } from "../../netpolicy/policy.ts";
import { isolated, LOGGING, open } from "../../netpolicy/testing.ts";
import { sliceUnit } from "../../spec/names.ts";
import { BROADCAST, DRIVER, HOLDER, LISTENER, PROBE, RENDEZVOUS } from "./fixtures.ts";

const NODE = `${INSTALLED}/${NODE_DIR}/bin/node`;
/** Stands for the supervisor: a service with a listener. */
const KEPT_UNIT = "kept.service";
const gate = gateAt("opencode.slice", `system.slice/${KEPT_UNIT}`);
const ALLOWED = { v4: ["192.0.2.2"], v6: ["2001:db8::2"] };
const policy = (over: Parameters<typeof isolated>[1] = {}): Policy =>
  isolated("a", {
    allow: ALLOWED,
    dns: { v4: ["192.0.2.53"], v6: [] },
    listen: { address: "127.0.0.1", ports: [4000], from: null },
    loopbackPorts: [9000],
    logging: { ...LOGGING, ratePerMinute: 600, burst: 100 },
    ...over,
  });

/** Opened to one host beyond this one, on IPv4; its other listener, 4002, is its own business. */
const b = (over: Parameters<typeof isolated>[1] = {}): Policy =>
  isolated("b", {
    listen: { address: "0.0.0.0", ports: [8002, 8003], from: { v4: ["192.0.2.2"], v6: [] } },
    logging: { ...LOGGING, ratePerMinute: 600, burst: 100 },
    ...over,
  });

let machine: Machine;
let peer: Peer;
const children: ChildProcessByStdio<Writable, Readable, null>[] = [];

/** A program of Node's in the machine, told and heard a line at a time. */
class Program {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  constructor(argv: readonly string[]) {
    const [command = "", ...args] = machine.enter(argv);
    this.child = spawn(command, args, { env: ENVIRONMENT, stdio: ["pipe", "pipe", "inherit"] });
    children.push(this.child);
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }
  /** The next line; rejects when none comes. */
  async line(): Promise<string> {
    const late = delay(20_000, null, { ref: false });
    const next = await Promise.race([this.#lines.next(), late]);
    if (next === null || next.done === true) throw new Error(next === null ? "no line came" : "the program has ended");
    return next.value;
  }
}
const script = (text: string, ...args: string[]) => [NODE, "--input-type=module", "--eval", text, "--", ...args];
const inSlice = (name: string, argv: readonly string[]) => {
  const options = ["--quiet", "--pipe", "--wait", "--collect", `--slice=${sliceUnit(name)}`];
  return ["systemd-run", ...options, "--", ...argv];
};

let driver: Program;
/** Pid of the driver, in the machine. */
let driverPid: string;
async function startDriver(): Promise<void> {
  driver = new Program(script(DRIVER));
  driverPid = await driver.line();
}
async function ask(method: string, argument?: unknown): Promise<unknown> {
  driver.child.stdin.write(`${JSON.stringify([method, argument])}\n`);
  return JSON.parse(await driver.line());
}
const put = async (...policies: Policy[]) => assert.equal(await ask("commit", { put: policies, remove: [] }), null);
const inForce = async (...policies: Policy[]) => {
  const idOf = async (name: string) =>
    (await machine.exec(["stat", "--format=%i", `/sys/fs/cgroup/${cgroupOf(gate, name)}`])).stdout.trim();
  const wanted = policies.map(async (each) => ({
    name: each.name,
    hash: policyHash(each),
    cgroupId: await idOf(each.name),
  }));
  return await ask("inForce", await Promise.all(wanted));
};

/** What becomes of connections, from a slice or (null) from elsewhere on the host. */
async function probe(from: string | null, ...targets: string[]): Promise<Record<string, string>> {
  const argv = script(PROBE, ...targets);
  const { stdout } = await machine.exec(from === null ? argv : inSlice(from, argv));
  const results = stdout.trim().split("\n");
  assert.equal(results.length, targets.length, stdout);
  return Object.fromEntries(targets.map((target, index) => [target, results[index] ?? ""]));
}
const all = (result: string, ...targets: string[]) => Object.fromEntries(targets.map((target) => [target, result]));
/** A refused connect: a reset on loopback, an ICMP error beyond. */
const refusals = (...targets: string[]) =>
  Object.fromEntries(
    targets.map((target) => {
      const address = target.split(" ")[1] ?? "";
      const beyond = address.includes(":") && !address.startsWith("::ffff:") ? "EACCES" : "EHOSTUNREACH";
      return [target, ["127.0.0.1", "::1"].includes(address) ? "ECONNREFUSED" : beyond];
    }),
  );

/** What becomes of connections from the peer, each from an address of its own. */
async function fromPeer(...targets: string[]): Promise<Record<string, string>> {
  const { stdout } = await peer.exec([process.execPath, ...script(PROBE, ...targets).slice(1)]);
  return Object.fromEntries(targets.map((target, index) => [target, stdout.split("\n")[index] ?? ""]));
}
const FROM_PEER = {
  ...all("ok", "tcp 192.0.2.1 8002 192.0.2.2"),
  ...all(
    "ECONNREFUSED",
    "tcp 192.0.2.1 8002 192.0.2.3",
    "tcp 192.0.2.1 4002 192.0.2.2",
    "tcp 192.0.2.1 4000 192.0.2.2",
  ),
  ...all("ECONNREFUSED", "udp 192.0.2.1 8002 192.0.2.2", "tcp 2001:db8::1 8002 2001:db8::2"),
};

async function listen(from: string | null, port: number): Promise<Program> {
  const argv = script(LISTENER, String(port));
  const listener = new Program(from === null ? argv : inSlice(from, argv));
  assert.equal(await listener.line(), "listening");
  return listener;
}

const counter = async (name: string): Promise<number> => {
  const { stdout } = await machine.exec(["nft", "list", "counter", ...TABLE.split(" "), name]);
  return Number(/packets (\d+)/.exec(stdout)?.[1]);
};
/** Destinations in an instance's record: `address . protocol number . port`. */
const recorded = async (name: string): Promise<string[]> => {
  const { stdout } = await machine.exec(["nft", "-n", "list", "set", ...TABLE.split(" "), name]);
  return [...stdout.matchAll(/(\S+ \. \d+ \. \d+) counter packets [1-9]/g)].map(([, found = ""]) => found);
};

before(async () => {
  machine = await Machine.up({ name: "egress" });
  peer = await Peer.up("egress");
  await connect(machine, peer, {
    addresses: [
      ["192.0.2.1/24", "2001:db8::1/64"],
      ["192.0.2.2/24", "192.0.2.3/24", "192.0.2.53/24", "2001:db8::2/64", "2001:db8::3/64"],
    ],
  });
  // UDP answers come from the address that was asked only when the listener is bound to it.
  for (const address of ["192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"]) {
    await peer.listen({ protocol: "tcp", port: 80, address });
    await peer.listen({ protocol: "udp", port: 80, address });
  }
  for (const protocol of ["tcp", "udp"] as const) await peer.listen({ protocol, port: 53, address: "192.0.2.53" });
  for (const name of ["a", "b", "open", "unregistered"]) await machine.exec(["systemctl", "start", sliceUnit(name)]);
  const kept = script(LISTENER, "7000");
  await machine.exec(["systemd-run", "--quiet", `--unit=${KEPT_UNIT}`, "--", ...kept]);
  await startDriver();
  assert.deepEqual(await ask("adopt", gate), []);
  await put(policy(), b(), open("open"));
  for (const port of [4000, 4001]) await listen("a", port);
  for (const port of [4002, 8002]) await listen("b", port);
  for (const port of [5432, 9000]) await listen(null, port);
});
after(async () => {
  await machine.exec(["systemctl", "stop", gate.cgroup]);
  for (const child of children) child.kill("SIGKILL");
  await machine.down();
  await peer.down();
});

test("an isolated instance reaches what its policy names", async () => {
  const targets = [
    ...["tcp", "udp"].flatMap((p) => [`${p} 192.0.2.2 80`, `${p} 2001:db8::2 80`, `${p} 192.0.2.53 53`]),
    ...["tcp", "udp"].flatMap((p) => [`${p} 127.0.0.1 9000`, `${p} ::1 9000`, `${p} 192.0.2.1 9000`]),
    "tcp ::ffff:192.0.2.2 80",
  ];
  assert.deepEqual(await probe("a", ...targets), all("ok", ...targets));
});

test("and its own listeners, on every address of the host", async () => {
  const targets = ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"].flatMap((address) => [
    `tcp ${address} 4001`,
    `udp ${address} 4001`,
  ]);
  assert.deepEqual(await probe("a", ...targets), all("ok", ...targets));
});

test("everything else is refused at once, recorded, counted and logged", async () => {
  const cursor = await machine.journalCursor();
  const counted = await counter("blocked_a");
  const tcp = ["192.0.2.3 80", "2001:db8::3 80", "::ffff:192.0.2.3 80", "192.0.2.53 80", "192.0.2.3 53"];
  const host = ["127.0.0.1 4002", "::1 4002", "192.0.2.1 4002", "127.0.0.1 5432", "2001:db8::1 5432", "127.0.0.1 1"];
  const refused = [...tcp, ...host].map((each) => `tcp ${each}`);
  assert.deepEqual(await probe("a", ...refused), refusals(...refused));
  const udp = ["udp 192.0.2.3 80", "udp 2001:db8::3 80", "udp 127.0.0.1 4002", "udp ::1 5432"];
  for (const [target, result] of Object.entries(await probe("a", ...udp))) {
    assert.match(result, /^(EPERM|EHOSTUNREACH|EACCES)$/, target);
  }
  assert.equal(peer.received.filter(({ from }) => from.address.endsWith("192.0.2.3")).length, 0);

  const four = await recorded("blocked4_a");
  for (const each of [
    "192.0.2.3 . 6 . 80",
    "192.0.2.53 . 6 . 80",
    "127.0.0.1 . 6 . 4002",
    "127.0.0.1 . 6 . 1",
    "192.0.2.3 . 17 . 80",
  ]) {
    assert.ok(four.includes(each), `${each} in ${four.join(", ")}`);
  }
  assert.ok((await recorded("blocked6_a")).includes("2001:db8::3 . 6 . 80"));
  assert.ok((await counter("blocked_a")) >= counted + refused.length);
  await machine.waitFor("log line of what was refused", async (saw) => {
    const lines = (await machine.journal({ afterCursor: cursor })).map(({ MESSAGE }) => MESSAGE);
    saw(lines);
    return [/^opencode-a-blocked: .* DST=192\.0\.2\.3 .*DPT=80 /, /^opencode-a-blocked: IN=lo .* DPT=4002 /].every(
      (wanted) => lines.some((line) => typeof line === "string" && wanted.test(line)),
    );
  });
});

test("an instance without isolation reaches everything, a process in the slice without an entry nothing", async () => {
  const targets = ["tcp 192.0.2.3 80", "udp 192.0.2.3 80", "tcp 127.0.0.1 5432"];
  assert.deepEqual(await probe("open", ...targets), all("ok", ...targets));
  const dropped = await counter("unregistered");
  const nothing = { "tcp 192.0.2.2 80": "silence", "udp 192.0.2.2 80": "EPERM", "udp 127.0.0.1 9000": "EPERM" };
  assert.deepEqual(await probe("unregistered", ...Object.keys(nothing)), nothing);
  assert.ok((await counter("unregistered")) >= dropped + 3);
});

test("processes elsewhere on the host notice nothing, and get answers from the instance", async () => {
  const targets = [
    "tcp 192.0.2.3 80",
    "udp 2001:db8::3 80",
    "tcp 127.0.0.1 5432",
    "tcp 127.0.0.1 4000",
    "tcp 127.0.0.1 8002",
  ];
  assert.deepEqual(await probe(null, ...targets), all("ok", ...targets));
});

test("on port 53 only its resolvers are reached, whatever else is allowed", async () => {
  const everything = { v4: ["0.0.0.0/0"], v6: ["::/0"] };
  await put(policy({ allow: everything }));
  const targets = [
    "tcp 192.0.2.2 53",
    "udp 192.0.2.2 53",
    "tcp 192.0.2.53 53",
    "udp 192.0.2.53 53",
    "tcp 192.0.2.3 80",
  ];
  assert.deepEqual(await probe("a", ...targets), {
    ...all("ok", ...targets),
    "tcp 192.0.2.2 53": "EHOSTUNREACH",
    "udp 192.0.2.2 53": "EPERM",
  });
  await put(policy({ allow: everything, dns: { v4: [], v6: [] } }));
  assert.equal((await probe("a", "tcp 192.0.2.53 53"))["tcp 192.0.2.53 53"], "EHOSTUNREACH");
  await put(policy());
});

test("an instance is reached where it listens, by whom it allows, and nowhere else", async () => {
  const host = { ...all("ok", "tcp 127.0.0.1 8002", "tcp 192.0.2.1 8002", "tcp 127.0.0.1 4000") };
  const not = all(
    "ECONNREFUSED",
    "tcp ::1 8002",
    "tcp 127.0.0.1 4002",
    "tcp ::1 4001",
    "udp 127.0.0.1 8002",
    "tcp 192.0.2.1 4000",
  );
  assert.deepEqual(await probe(null, ...Object.keys({ ...host, ...not })), { ...host, ...not });
  assert.deepEqual(await fromPeer(...Object.keys(FROM_PEER)), FROM_PEER);
});

test("an isolated instance reaches another's server only through allowLoopbackPorts, and only where that listens", async () => {
  const targets = [
    "tcp 127.0.0.1 8002",
    "tcp 127.0.0.1 4002",
    "tcp 127.0.0.1 4001",
    "udp 127.0.0.1 8002",
    "tcp 127.0.0.1 7000",
  ];
  const refused = all("ECONNREFUSED", "tcp 127.0.0.1 8002", "tcp 127.0.0.1 4002", "tcp 127.0.0.1 7000");
  const first = await probe("a", ...targets);
  assert.deepEqual(
    { ...first, "udp 127.0.0.1 8002": "" },
    { ...refused, "tcp 127.0.0.1 4001": "ok", "udp 127.0.0.1 8002": "" },
  );
  assert.notEqual(first["udp 127.0.0.1 8002"], "ok");
  await put(policy({ loopbackPorts: [4001, 4002, 7000, 8002] }));
  assert.deepEqual(await probe("a", ...targets), {
    ...all("ok", "tcp 127.0.0.1 8002", "tcp 127.0.0.1 4001", "tcp 127.0.0.1 7000"),
    ...all("ECONNREFUSED", "tcp 127.0.0.1 4002", "udp 127.0.0.1 8002"),
  });
  await put(policy());
});

test("so does one without isolation: siblings and the supervisor are not open to it, and what it tries is recorded", async () => {
  const counted = await counter("blocked_open");
  const kept = ["tcp 127.0.0.1 8002", "tcp 192.0.2.1 8002", "tcp 127.0.0.1 4001", "tcp ::1 4002", "tcp 127.0.0.1 7000"];
  assert.deepEqual(await probe("open", ...kept), refusals(...kept));
  assert.ok((await counter("blocked_open")) >= counted + kept.length);
  assert.ok((await recorded("blocked4_open")).includes("127.0.0.1 . 6 . 7000"));
  await listen("open", 4003);
  assert.deepEqual(
    await probe("open", "tcp ::1 4003", "udp 127.0.0.1 4003"),
    all("ok", "tcp ::1 4003", "udp 127.0.0.1 4003"),
  );
  assert.deepEqual(await probe(null, "tcp 127.0.0.1 4003"), all("ECONNREFUSED", "tcp 127.0.0.1 4003"));
  await put(open("open", { loopbackPorts: [4001, 7000, 8002] }));
  const granted = ["tcp 127.0.0.1 8002", "tcp 192.0.2.1 8002", "tcp 127.0.0.1 7000"];
  assert.deepEqual(await probe("open", ...granted, "tcp 127.0.0.1 4001"), {
    ...all("ok", ...granted),
    "tcp 127.0.0.1 4001": "ECONNREFUSED",
  });
  await put(open("open"));
});

test("two that help each other find no way between them", async () => {
  const ends = [
    ["a", "5001", "5002"],
    ["b", "5002", "5001"],
  ].map(([name = "", ...ports]) => new Program(inSlice(name, script(RENDEZVOUS, ...ports))));
  for (const end of ends) assert.match(await end.line(), /^heard nothing$/);
});

test("other software's marks and notrack rules open nothing, and the host keeps working under them", async () => {
  const rules = `table inet other {
    chain mangle { type filter hook prerouting priority mangle; meta mark set 0; }
    chain out { type route hook output priority mangle; meta mark set 0x6d6f6c65; }
    chain raw { type filter hook prerouting priority raw; iif lo notrack; }
    chain rawout { type filter hook output priority raw; oif lo notrack; }
  }`;
  await machine.exec(["nft", "-f", "-"], { input: rules });
  const host = ["tcp 127.0.0.1 5432", "udp 127.0.0.1 5432"];
  assert.deepEqual(await probe(null, ...host), all("ok", ...host));
  const own = ["tcp 127.0.0.1 4001", "udp 127.0.0.1 4001", "tcp 127.0.0.1 9000"];
  assert.deepEqual(await probe("a", ...own), all("ok", ...own));
  const siblings = ["tcp 127.0.0.1 4002", "tcp 127.0.0.1 5432", "tcp 192.0.2.3 80"];
  assert.deepEqual(await probe("a", ...siblings), refusals(...siblings));
  const kept = ["tcp 127.0.0.1 4002", "tcp 127.0.0.1 7000"];
  assert.deepEqual(await probe("open", ...kept), refusals(...kept));
  const inbound = { ...all("ok", "tcp 127.0.0.1 4000"), ...all("ECONNREFUSED", "tcp 127.0.0.1 4001", "tcp ::1 4002") };
  assert.deepEqual(await probe(null, ...Object.keys(inbound)), inbound);
  await machine.exec(["nft", "delete", "table", "inet", "other"]);
});

test("nor do they let anybody beyond this host in: notrack, marks, an early accept, a NAT", async () => {
  const rules = `table inet other {
    chain raw { type filter hook prerouting priority raw; notrack; }
    chain mangle { type filter hook prerouting priority mangle; meta mark set 0x4f400002; accept; }
    chain in { type filter hook input priority filter; meta mark set 0x4f400002; accept; }
  }`;
  await machine.exec(["nft", "-f", "-"], { input: rules });
  assert.deepEqual(await fromPeer(...Object.keys(FROM_PEER)), FROM_PEER);
  await machine.exec(["nft", "delete", "table", "inet", "other"]);
  const nat = `table inet other { chain nat { type nat hook prerouting priority dstnat
    tcp dport 81 redirect to :4002
    tcp dport 82 redirect to :8002
  }\n}`;
  await machine.exec(["nft", "-f", "-"], { input: nat });
  const led = { ...all("ECONNREFUSED", "tcp 192.0.2.1 81 192.0.2.2"), ...all("ok", "tcp 192.0.2.1 82 192.0.2.2") };
  assert.deepEqual(await fromPeer(...Object.keys(led)), led);
  await machine.exec(["nft", "delete", "table", "inet", "other"]);
});

test("a destination that somebody's NAT leads back to this host is judged by where it leads", async () => {
  const rules = `table inet other { chain nat { type nat hook output priority dstnat
    ip daddr 192.0.2.2 tcp dport 81 dnat ip to 127.0.0.1:5432
    ip daddr 127.0.0.1 tcp dport 82 dnat ip to 192.0.2.3:80
  } }`;
  await machine.exec(["nft", "-f", "-"], { input: rules.replace("} }", "}\n}") });
  await machine.exec(["sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"]);
  assert.deepEqual(await probe(null, "tcp 192.0.2.2 81"), all("ok", "tcp 192.0.2.2 81"));
  const targets = ["tcp 192.0.2.2 81", "tcp 127.0.0.1 82"];
  assert.deepEqual(await probe("a", ...targets), {
    "tcp 192.0.2.2 81": "ECONNREFUSED",
    "tcp 127.0.0.1 82": "EHOSTUNREACH",
  });
  await machine.exec(["nft", "delete", "table", "inet", "other"]);
});

test("a broadcast that is allowed out does not come back to somebody else's socket", async () => {
  await put(policy({ allow: { v4: ["192.0.2.0/24"], v6: [] } }));
  const listener = await listen(null, 7777);
  for (const from of ["a", "open"]) await machine.exec(inSlice(from, script(BROADCAST, "192.0.2.255", "7777", from)));
  assert.equal(await listener.line(), "open");
  await put(policy());
});

test("a narrower policy cuts the connections it no longer covers, and no others", async () => {
  const held = ["192.0.2.2 80", "127.0.0.1 9000", "127.0.0.1 4001"].map(
    (target) => new Program(inSlice("a", script(HOLDER, ...target.split(" ")))),
  );
  for (const each of held) assert.equal(await each.line(), "open");
  await put(policy({ allow: { v4: [], v6: ["2001:db8::2"] }, loopbackPorts: [] }));
  const [outside, port, own] = held;
  assert.equal(await outside?.line(), "ECONNRESET");
  assert.equal(await port?.line(), "ECONNRESET");
  assert.equal(own?.child.exitCode, null);
  await put(policy());
  own?.child.kill("SIGKILL");
});

test("audit records and logs the same, and lets it pass", async () => {
  await put(policy({ mode: "audit" }));
  const counted = await counter("blocked_a");
  const targets = ["tcp 192.0.2.3 8080", "tcp 192.0.2.3 80", "udp 2001:db8::3 80", "tcp 127.0.0.1 5432"];
  assert.deepEqual(await probe("a", ...targets), { ...all("ok", ...targets), "tcp 192.0.2.3 8080": "ECONNREFUSED" });
  assert.deepEqual(await probe("a", "tcp ::1 4002"), all("ECONNREFUSED", "tcp ::1 4002"), "others stay as they are");
  assert.ok((await counter("blocked_a")) >= counted + targets.length);
  assert.ok((await recorded("blocked4_a")).includes("192.0.2.3 . 6 . 8080"));
  await put(policy());
});

test("nobody else can delete, flush or change the table, and `flush ruleset` passes it by", async () => {
  for (const command of [`delete table ${TABLE}`, `flush table ${TABLE}`, `insert rule ${TABLE} output accept`]) {
    const { stderr } = await machine.exec(["nft", command], { check: false });
    assert.match(stderr, /Operation not permitted/, command);
  }
  await machine.exec(["nft", "flush", "ruleset"]);
  assert.deepEqual(await inForce(policy(), b()), [
    ["a", true],
    ["b", true],
  ]);
});

test("killed, its rules hold; the next one takes over in place, with counters", async () => {
  const counted = await counter("blocked_a");
  assert.ok(counted > 0);
  const ended = once(driver.child, "close");
  await machine.exec(["kill", "-KILL", driverPid]);
  await ended;
  assert.deepEqual(await probe("a", "tcp 192.0.2.3 80", "tcp 192.0.2.2 80"), {
    "tcp 192.0.2.3 80": "EHOSTUNREACH",
    "tcp 192.0.2.2 80": "ok",
  });
  await startDriver();
  const adopted = [policy(), b(), open("open")].map((each) => [each.name, policyHash(each)]);
  const answer = await ask("adopt", gate);
  assert.ok(Array.isArray(answer));
  assert.deepEqual(answer.sort(), adopted.sort());
  assert.ok((await counter("blocked_a")) > counted);
  assert.notEqual((await machine.exec(["nft", "delete", "table", ...TABLE.split(" ")], { check: false })).code, 0);
  assert.deepEqual(await inForce(policy()), [["a", true]]);
});

test("destroyed, the table is gone and everybody reaches everything", async () => {
  assert.equal(await ask("destroy"), null);
  assert.doesNotMatch((await machine.exec(["nft", "list", "tables"])).stdout, /opencode/);
  assert.deepEqual(await probe("a", "tcp 192.0.2.3 80"), all("ok", "tcp 192.0.2.3 80"));
});

test("the contract holds with this machine's libnftables and its owned table", async () => {
  const files = [
    "src/daemon/netfilter/libnftables.test.ts",
    "src/netpolicy/kernel.test.ts",
    "packages/nftables-napi/nft.test.ts",
  ];
  for (const file of files) {
    const enter = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && exec "$@"';
    const inner = [
      "unshare",
      "--net",
      "--mount",
      "--cgroup",
      "--",
      "sh",
      "-c",
      enter,
      "-",
      NODE,
      `${INSTALLED}/${file}`,
    ];
    const own = `mkdir -p /sys/fs/cgroup/contract && echo 0 >/sys/fs/cgroup/contract/cgroup.procs && exec "$@"`;
    const { stdout } = await machine.exec(["sh", "-c", own, "-", ...inner], { env: INSIDE_ENVIRONMENT });
    assert.match(stdout, /^(# |ℹ )pass [1-9]/m, file);
  }
});
