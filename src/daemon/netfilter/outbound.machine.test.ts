/** What leaves an instance, on a booted machine: real slices, real sockets, the machine's own libnftables. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BOUND, HOLDER, PING, TO_ALL } from "./fixtures.ts";
import { all, inSlice, policy, refusals, Scene, script } from "./testing.ts";

let scene: Scene;
before(async () => {
  scene = await Scene.up("outbound");
});
after(() => scene?.down());

test("an isolated instance reaches what its policy names", async () => {
  const targets = [
    ...["tcp", "udp"].flatMap((p) => [`${p} 192.0.2.2 80`, `${p} 2001:db8::2 80`, `${p} 192.0.2.53 53`]),
    ...["tcp", "udp"].flatMap((p) => [`${p} 127.0.0.1 9000`, `${p} ::1 9000`, `${p} 192.0.2.1 9000`]),
    "tcp ::ffff:192.0.2.2 80",
  ];
  assert.deepEqual(await scene.probe("a", ...targets), all("ok", ...targets));
});

test("and its own listeners, on every address of the host", async () => {
  const targets = ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"].flatMap((address) => [
    `tcp ${address} 4001`,
    `udp ${address} 4001`,
  ]);
  assert.deepEqual(await scene.probe("a", ...targets), all("ok", ...targets));
});

test("everything else is refused at once, recorded, counted and logged", async () => {
  const cursor = await scene.machine.journalCursor();
  const counted = await scene.counter("blocked_a");
  const tcp = ["192.0.2.3 80", "2001:db8::3 80", "::ffff:192.0.2.3 80", "192.0.2.53 80", "192.0.2.3 53"];
  const host = ["127.0.0.1 4002", "::1 4002", "192.0.2.1 4002", "127.0.0.1 5432", "2001:db8::1 5432", "127.0.0.1 1"];
  const refused = [...tcp, ...host].map((each) => `tcp ${each}`);
  assert.deepEqual(await scene.probe("a", ...refused), refusals(...refused));
  const udp = ["udp 192.0.2.3 80", "udp 2001:db8::3 80", "udp 127.0.0.1 4002", "udp ::1 5432"];
  for (const [target, result] of Object.entries(await scene.probe("a", ...udp))) {
    assert.match(result, /^(EPERM|EHOSTUNREACH|EACCES)$/, target);
  }
  assert.equal(scene.peer.received.filter(({ from }) => from.address.endsWith("192.0.2.3")).length, 0);

  const four = await scene.recorded("blocked4_a");
  for (const each of [
    "192.0.2.3 . 6 . 80",
    "192.0.2.53 . 6 . 80",
    "127.0.0.1 . 6 . 4002",
    "127.0.0.1 . 6 . 1",
    "192.0.2.3 . 17 . 80",
  ]) {
    assert.ok(four.includes(each), `${each} in ${four.join(", ")}`);
  }
  assert.ok((await scene.recorded("blocked6_a")).includes("2001:db8::3 . 6 . 80"));
  assert.ok((await scene.counter("blocked_a")) >= counted + refused.length);
  await scene.machine.waitFor("log line of what was refused", async (saw) => {
    const lines = (await scene.machine.journal({ afterCursor: cursor })).map(({ MESSAGE }) => MESSAGE);
    saw(lines);
    return [/^opencode-a-blocked: .* DST=192\.0\.2\.3 .*DPT=80 /, /^opencode-a-blocked: IN=lo .* DPT=4002 /].every(
      (wanted) => lines.some((line) => typeof line === "string" && wanted.test(line)),
    );
  });
});

test("an instance without isolation reaches everything, a process in the slice without an entry nothing", async () => {
  const targets = ["tcp 192.0.2.3 80", "udp 192.0.2.3 80", "tcp 127.0.0.1 5432"];
  assert.deepEqual(await scene.probe("open", ...targets), all("ok", ...targets));
  const dropped = await scene.counter("unregistered");
  const nothing = { "tcp 192.0.2.2 80": "silence", "udp 192.0.2.2 80": "EPERM", "udp 127.0.0.1 9000": "EPERM" };
  assert.deepEqual(await scene.probe("unregistered", ...Object.keys(nothing)), nothing);
  assert.ok((await scene.counter("unregistered")) >= dropped + 3);
});

test("processes elsewhere on the host notice nothing, and get answers from the instance", async () => {
  const targets = [
    "tcp 192.0.2.3 80",
    "udp 2001:db8::3 80",
    "tcp 127.0.0.1 5432",
    "tcp 127.0.0.1 4000",
    "tcp 127.0.0.1 8002",
  ];
  assert.deepEqual(await scene.probe(null, ...targets), all("ok", ...targets));
});

test("on port 53 only its resolvers are reached, whatever else is allowed", async () => {
  const everything = { v4: ["0.0.0.0/0"], v6: ["::/0"] };
  await scene.put(policy({ allow: everything }));
  const targets = [
    "tcp 192.0.2.2 53",
    "udp 192.0.2.2 53",
    "tcp 192.0.2.53 53",
    "udp 192.0.2.53 53",
    "tcp 192.0.2.3 80",
  ];
  assert.deepEqual(await scene.probe("a", ...targets), {
    ...all("ok", ...targets),
    "tcp 192.0.2.2 53": "EHOSTUNREACH",
    "udp 192.0.2.2 53": "EPERM",
  });
  await scene.put(policy({ allow: everything, dns: { v4: [], v6: [] } }));
  assert.equal((await scene.probe("a", "tcp 192.0.2.53 53"))["tcp 192.0.2.53 53"], "EHOSTUNREACH");
  await scene.put(policy());
});

test("a list of networks holds as the kernel looks it up, whatever the lengths of its prefixes", async () => {
  const v6 = {
    half: ["2001:db8:1::/64", "2001:db8:2::/64", "2001:db8::3"],
    both: ["2001:db8::2/127", "2001:db8:1::/127"],
  };
  const LISTS = [
    { v4: ["192.0.2.52/31", "198.51.100.0/31"], v6: v6.both, ok: ["192.0.2.53", "2001:db8::2", "2001:db8::3"] },
    {
      v4: ["192.0.2.52/31", "198.51.100.0/31", "192.0.2.3"],
      v6: v6.half,
      ok: ["192.0.2.53", "192.0.2.3", "2001:db8::3"],
    },
    {
      v4: ["10.0.0.0/8", "192.0.2.52/31", "192.0.2.3"],
      v6: ["::/0"],
      ok: ["192.0.2.53", "192.0.2.3", "2001:db8::2", "2001:db8::3"],
    },
  ];
  for (const { v4, v6, ok } of LISTS) {
    await scene.put(policy({ allow: { v4, v6 } }));
    const targets = ["192.0.2.2", "192.0.2.3", "192.0.2.53", "2001:db8::2", "2001:db8::3"].map((to) => `tcp ${to} 80`);
    // Nobody listens there on 192.0.2.53: that host says so itself.
    const through = ok.map((to) => [`tcp ${to} 80`, to === "192.0.2.53" ? "ECONNREFUSED" : "ok"]);
    const expected = { ...refusals(...targets), ...Object.fromEntries(through) };
    assert.deepEqual(await scene.probe("a", ...targets), expected, v4.join(" "));
  }
  await scene.put(policy());
});

test("a narrower policy cuts the connections it no longer covers, and no others", async () => {
  const held = ["192.0.2.2 80", "127.0.0.1 9000", "127.0.0.1 4001"].map((target) =>
    scene.program(inSlice("a", script(HOLDER, ...target.split(" ")))),
  );
  for (const each of held) assert.equal(await each.line(), "open");
  await scene.put(policy({ allow: { v4: [], v6: ["2001:db8::2"] }, loopbackPorts: [] }));
  const [outside, port, own] = held;
  assert.equal(await outside?.line(), "ECONNRESET");
  assert.equal(await port?.line(), "ECONNRESET");
  assert.equal(own?.child.exitCode, null);
  await scene.put(policy());
  own?.child.kill("SIGKILL");
});

test("audit records and logs the same, and lets it pass", async () => {
  await scene.put(policy({ mode: "audit" }));
  const counted = await scene.counter("blocked_a");
  const targets = ["tcp 192.0.2.3 8080", "tcp 192.0.2.3 80", "udp 2001:db8::3 80", "tcp 127.0.0.1 5432"];
  assert.deepEqual(await scene.probe("a", ...targets), {
    ...all("ok", ...targets),
    "tcp 192.0.2.3 8080": "ECONNREFUSED",
  });
  assert.deepEqual(
    await scene.probe("a", "tcp ::1 4002"),
    all("ECONNREFUSED", "tcp ::1 4002"),
    "others stay as they are",
  );
  assert.ok((await scene.counter("blocked_a")) >= counted + targets.length);
  assert.ok((await scene.recorded("blocked4_a")).includes("192.0.2.3 . 6 . 8080"));
  await scene.put(policy());
});

test("ICMP and ICMPv6 go where the policy leads, and are recorded by type elsewhere", async () => {
  const asked = await scene.countAtPeer("echo4", "ip daddr 192.0.2.3 icmp type echo-request");
  const asked6 = await scene.countAtPeer("echo6", "ip6 daddr 2001:db8::3 icmpv6 type echo-request");
  const ping = async (from: string, ...targets: string[]) =>
    (await scene.inside(from, ["perl", "-e", PING, "--", ...targets])).stdout.trim().split("\n");
  const counted = await scene.counter("blocked_a");
  const said = await ping("a", "192.0.2.2", "2001:db8::2", "192.0.2.3", "2001:db8::3");
  assert.deepEqual(said.slice(0, 2), ["ok", "ok"]);
  assert.deepEqual([await asked(), await asked6()], [0, 0]);
  assert.equal(await scene.counter("blocked_a"), counted + 2);
  assert.ok((await scene.recorded("blocked4_a")).includes("192.0.2.3 . 1 . 2048"), "type 8, code 0");
  assert.ok((await scene.recorded("blocked6_a")).includes("2001:db8::3 . 58 . 32768"), "type 128, code 0");
  assert.deepEqual(await ping("open", "192.0.2.3", "2001:db8::3"), ["ok", "ok"]);
  await scene.machine.waitFor("what is allowed", async () => (await asked()) === 1 && (await asked6()) === 1);
});

test("multicast and broadcast do not leave an isolated instance", async () => {
  const GROUPS = ["239.1.2.3", "192.0.2.255", "ff02::1%eth0", "ff02::fb%eth0"];
  const arrived = await scene.countAtPeer("groups", "udp dport 7777");
  const send = async (from: string) =>
    (await scene.inside(from, script(TO_ALL, "192.0.2.1", "7777", ...GROUPS))).stdout.trim().split("\n");
  const counted = await scene.counter("blocked_a");
  assert.doesNotMatch((await send("a")).join(" "), /ok/);
  assert.equal(await arrived(), 0);
  assert.ok((await scene.counter("blocked_a")) >= counted + GROUPS.length);
  const four = await scene.recorded("blocked4_a");
  for (const group of ["239.1.2.3", "192.0.2.255"]) {
    assert.ok(four.includes(`${group} . 17 . 7777`), `${group} in ${four.join(", ")}`);
  }
  assert.ok((await scene.recorded("blocked6_a")).includes("ff02::fb . 17 . 7777"));
  await send("open");
  await scene.machine.waitFor("what is allowed", async () => (await arrived()) === GROUPS.length);
});

test("what is addressed to this host does not leave it by the interface that a socket names", async () => {
  await scene.machine.exec(["ip", "route", "add", "default", "via", "192.0.2.2"]);
  const arrived = await scene.countAtPeer("strays", "ip daddr 127.0.0.0/8");
  await scene.put(policy({ dns: { v4: ["127.0.0.53"], v6: [] } }));
  const send = async (from: string, port: number) =>
    (await scene.inside(from, ["perl", "-e", BOUND, "--", "eth0", String(port), "127.0.0.53"])).stdout.trim();
  for (const port of [7000, 9000, 53]) assert.equal(await send("a", port), "refused", String(port));
  assert.equal(await arrived(), 0);
  assert.ok((await scene.recorded("blocked4_a")).includes("127.0.0.53 . 17 . 7000"));
  assert.equal(await send("open", 7000), "ok");
  await scene.machine.waitFor("what is allowed", async () => (await arrived()) === 1);
  await scene.machine.exec(["ip", "route", "delete", "default"]);
  await scene.put(policy());
});
