import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicyComment, policyComment, putText } from "./instance.ts";
import { type Policy, policyHash } from "./policy.ts";
import { isolated, LOGGING, open } from "./testing.ts";

const small = isolated("a-b", {
  allow: { v4: ["10.0.0.0/8", "192.0.2.1"], v6: ["fd00::/8"] },
  dns: { v4: ["127.0.0.53", "192.0.2.53"], v6: [] },
  loopbackPorts: [9000],
  logging: { ...LOGGING, ratePerMinute: 6, burst: 7, mute: { v4: ["224.0.0.0/4"], v6: [] } },
});

// Golden: read it as the documentation of what an isolated instance gets.
const SMALL = `add counter inet opencode_supervisor blocked_a-b
add set inet opencode_supervisor blocked4_a-b { type ipv4_addr . inet_proto . inet_service; size 1024; flags dynamic,timeout; timeout 1d; counter; }
add set inet opencode_supervisor blocked6_a-b { type ipv6_addr . inet_proto . inet_service; size 1024; flags dynamic,timeout; timeout 1d; counter; }
add chain inet opencode_supervisor no_a-b
flush chain inet opencode_supervisor no_a-b
add chain inet opencode_supervisor in_a-b
flush chain inet opencode_supervisor in_a-b
add chain inet opencode_supervisor out_a-b
flush chain inet opencode_supervisor out_a-b
no: ip daddr 127.79.67.1 meta l4proto udp goto canary
no: meta l4proto != 1 update @blocked4_a-b { ip daddr . meta l4proto . th dport }
no: meta l4proto 1 update @blocked4_a-b { ip daddr . meta l4proto . @th,0,16 }
no: meta l4proto != 58 update @blocked6_a-b { ip6 daddr . meta l4proto . th dport }
no: meta l4proto 58 update @blocked6_a-b { ip6 daddr . meta l4proto . @th,0,16 }
no: meta priority & 0xffe20000 == 0x4f420000 limit rate 6/minute burst 7 packets log prefix "opencode-a-b-connections: " level info flags skuid
no: counter name blocked_a-b
no: jump tell
no: ip daddr 224.0.0.0/4 goto refuse
no: limit rate 6/minute burst 7 packets log prefix "opencode-a-b-blocked: " level info flags skuid
no: goto refuse
in: ip daddr 127.0.0.1 tcp dport 8000 goto pass
in: limit rate 6/minute burst 7 packets log prefix "opencode-a-b-inbound: " level info
in: counter goto closed
out: th sport 8000 meta l4proto tcp jump answers comment "policy HASH 3"
out: ct status & confirmed == 0 ct count over 4096 meta priority set 0x4f520030 goto no_a-b
out: th dport 9000 meta l4proto { tcp, udp } oif lo fib daddr type local meta priority set 0x4f440030 accept
out: th dport 9000 meta l4proto { tcp, udp } ct status dnat fib daddr type local meta priority set 0x4f440030 accept
out: th dport 53 meta l4proto { tcp, udp } oif lo fib daddr type local ip daddr 127.0.0.53 accept
out: th dport 53 meta l4proto { tcp, udp } ct status dnat fib daddr type local ip daddr 127.0.0.53 accept
out: th dport 53 meta l4proto { tcp, udp } ip daddr 192.0.2.53 accept
out: th dport 53 meta l4proto { tcp, udp } goto no_a-b
out: meta priority set 0x4f400030
out: ip daddr 10.0.0.0/8 accept
out: ip daddr 192.0.2.1 accept
out: ip6 daddr fd00::/8 accept
out: oif lo fib daddr type local accept
out: ct status dnat fib daddr type local accept
out: goto no_a-b
`;
const abridged = (text: string): string =>
  text.replaceAll(/add rule inet opencode_supervisor (no|in|out)_a-b /g, "$1: ").replace(/[0-9a-f]{64}/, "HASH");
/** The rules of one of its chains. */
const chain = (name: "in" | "out", policy: Policy): string[] =>
  abridged(putText(policy, 3))
    .split("\n")
    .filter((line) => line.startsWith(`${name}: `))
    .map((line) => line.slice(name.length + 2));

test("the text of a small policy", () => assert.equal(abridged(putText(small, 3)), SMALL));

test("audit differs in its last words only", () => {
  const audit = isolated("a-b", { ...small, ...small.isolation, mode: "audit" });
  assert.equal(abridged(putText(audit, 3)), SMALL.replaceAll("goto refuse", "goto pass"));
});

test("without isolation everything is let out, with a mark by which it is judged where it arrives", () => {
  assert.deepEqual(chain("out", open("a-b")).slice(1), [
    "ct status & confirmed == 0 ct count over 4096 meta priority set 0x4f5a0030 goto no_a-b",
    "meta priority set 0x4f480030",
    "accept",
  ]);
});

const CLIENTS = { v4: ["192.0.2.0/24"], v6: ["2001:db8::/32"] };
const LISTENERS: readonly (readonly [what: string, listen: Policy["listen"], rules: readonly string[]])[] = [
  ["::1", { address: "::1", ports: [80], from: null }, ["ip6 daddr ::1 tcp dport 80 goto pass"]],
  [
    "loopback with further ports, on either loopback",
    { address: "127.0.0.1", ports: [80, 81, 82], from: null },
    [
      "ip daddr 127.0.0.1 tcp dport 80 goto pass",
      "ip daddr 127.0.0.0/8 tcp dport { 81, 82 } goto pass",
      "ip6 daddr ::1 tcp dport { 81, 82 } goto pass",
    ],
  ],
  [
    "every IPv4 address, for anybody",
    { address: "0.0.0.0", ports: [80, 81], from: null },
    ["meta nfproto ipv4 tcp dport { 80, 81 } goto pass"],
  ],
  [
    "every address, for some and this host",
    { address: "::", ports: [80], from: CLIENTS },
    [
      "tcp dport 80 iif lo goto pass",
      "tcp dport 80 ip saddr 192.0.2.0/24 goto pass",
      "tcp dport 80 ip6 saddr 2001:db8::/32 goto pass",
    ],
  ],
  [
    "one address: clients of the other family cannot come",
    { address: "192.0.2.1", ports: [80], from: CLIENTS },
    [
      "ip daddr 192.0.2.1 tcp dport 80 iif lo goto pass",
      "ip daddr 192.0.2.1 tcp dport 80 ip saddr 192.0.2.0/24 goto pass",
    ],
  ],
];
for (const [what, listen, rules] of LISTENERS) {
  test(`a listener on ${what}`, () => assert.deepEqual(chain("in", open("a-b", { listen })).slice(0, -2), rules));
}

test("the comment is read back as it was written, and nothing else is taken for one", () => {
  const installed = { hash: policyHash(small), slot: 65535 };
  assert.deepEqual(parsePolicyComment(policyComment(installed)), installed);
  for (const other of [null, "", "policy x 1", `policy ${installed.hash}`, `a ${policyComment(installed)}`]) {
    assert.equal(parsePolicyComment(other), null);
  }
});
