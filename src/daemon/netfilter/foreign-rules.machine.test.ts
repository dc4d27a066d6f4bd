/** Rules of other software beside ours, on a booted machine: none of them opens an instance. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { all, FROM_PEER, policy, refusals, Scene } from "./testing.ts";

let scene: Scene;
before(async () => {
  scene = await Scene.up("foreign-rules");
});
after(() => scene?.down());

/** What becomes of what instance `a`, `open` and the host try, whatever rules there are beside ours. */
async function holds(): Promise<void> {
  const host = ["tcp 127.0.0.1 5432", "udp 127.0.0.1 5432"];
  assert.deepEqual(await scene.probe(null, ...host), all("ok", ...host));
  const own = ["tcp 127.0.0.1 4001", "udp 127.0.0.1 4001", "tcp 127.0.0.1 9000", "tcp 192.0.2.2 80"];
  const siblings = ["tcp 127.0.0.1 4002", "tcp 127.0.0.1 5432", "tcp 192.0.2.3 80", "tcp 2001:db8::3 80"];
  assert.deepEqual(await scene.probe("a", ...own, ...siblings), { ...all("ok", ...own), ...refusals(...siblings) });
  const kept = ["tcp 127.0.0.1 4002", "tcp 127.0.0.1 7000"];
  assert.deepEqual(await scene.probe("open", ...kept), refusals(...kept));
  const inbound = { ...all("ok", "tcp 127.0.0.1 4000"), ...all("ECONNREFUSED", "tcp 127.0.0.1 4001", "tcp ::1 4002") };
  assert.deepEqual(await scene.probe(null, ...Object.keys(inbound)), inbound);
}

const HANDS: Readonly<Record<string, string>> = {
  "marks rewritten where packets come in and go out": `
    chain mangle { type filter hook prerouting priority mangle; meta mark set 0; }
    chain out { type route hook output priority mangle; meta mark set 0x6d6f6c65; }`,
  "marks rewritten last in output and in postrouting": `
    chain late { type filter hook output priority 400; meta mark set 0; }
    chain post { type filter hook postrouting priority mangle; meta mark set 0x6d6f6c65; ct mark set 7; }
    chain last { type filter hook postrouting priority 400; meta mark set 0; }`,
  notrack: `
    chain raw { type filter hook prerouting priority raw; iif lo notrack; }
    chain rawout { type filter hook output priority raw; oif lo notrack; }`,
  "an early accept in every hook": `
    chain pre { type filter hook prerouting priority -400; accept; }
    chain in { type filter hook input priority -400; accept; }
    chain out { type filter hook output priority -400; accept; }
    chain post { type filter hook postrouting priority -400; accept; }`,
  "a NAT of what leaves": "chain nat { type nat hook postrouting priority srcnat; oif != lo masquerade; }",
};
for (const [what, chains] of Object.entries(HANDS)) {
  test(`other software's rules open nothing, and the host keeps working under them: ${what}`, () =>
    scene.under(chains, holds));
}

test("nor do they let anybody beyond this host in: notrack, marks, an early accept, a NAT", async () => {
  const rules = `table inet other {
    chain raw { type filter hook prerouting priority raw; notrack; }
    chain mangle { type filter hook prerouting priority mangle; meta mark set 0x4f400002; accept; }
    chain in { type filter hook input priority filter; meta mark set 0x4f400002; accept; }
  }`;
  await scene.machine.exec(["nft", "-f", "-"], { input: rules });
  assert.deepEqual(await scene.fromPeer(...Object.keys(FROM_PEER)), FROM_PEER);
  await scene.machine.exec(["nft", "delete", "table", "inet", "other"]);
  const nat = `table inet other { chain nat { type nat hook prerouting priority -100
    tcp dport 81 redirect to :4002
    tcp dport 82 redirect to :8002
  }\n}`;
  await scene.machine.exec(["nft", "-f", "-"], { input: nat });
  const led = { ...all("ECONNREFUSED", "tcp 192.0.2.1 81 192.0.2.2"), ...all("ok", "tcp 192.0.2.1 82 192.0.2.2") };
  assert.deepEqual(await scene.fromPeer(...Object.keys(led)), led);
  await scene.machine.exec(["nft", "delete", "table", "inet", "other"]);
});

test("a destination that somebody's NAT leads back to this host is judged by where it leads", async () => {
  const rules = `table inet other { chain nat { type nat hook output priority -100
    ip daddr 192.0.2.2 tcp dport 81 dnat ip to 127.0.0.1:5432
    ip daddr 127.0.0.1 tcp dport 82 dnat ip to 192.0.2.3:80
  } }`;
  await scene.machine.exec(["nft", "-f", "-"], { input: rules.replace("} }", "}\n}") });
  await scene.machine.exec(["sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"]);
  assert.deepEqual(await scene.probe(null, "tcp 192.0.2.2 81"), all("ok", "tcp 192.0.2.2 81"));
  const targets = ["tcp 192.0.2.2 81", "tcp 127.0.0.1 82"];
  assert.deepEqual(await scene.probe("a", ...targets), {
    "tcp 192.0.2.2 81": "ECONNREFUSED",
    "tcp 127.0.0.1 82": "EHOSTUNREACH",
  });
  await scene.put(policy({ loopbackPorts: [5432] }));
  assert.deepEqual(await scene.probe("a", "tcp 192.0.2.2 81"), all("ok", "tcp 192.0.2.2 81"));
  await scene.put(policy());
  await scene.machine.exec(["nft", "delete", "table", "inet", "other"]);
});
