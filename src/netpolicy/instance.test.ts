import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicyComment, policyComment, putText } from "./instance.ts";
import { policyHash } from "./policy.ts";
import { isolated, open } from "./testing.ts";

const small = isolated("a-b", {
  allow: { v4: ["10.0.0.0/8", "192.0.2.1"], v6: ["fd00::/8"] },
  dns: { v4: ["127.0.0.53"], v6: [] },
  loopbackPorts: [9000],
  logging: { ratePerMinute: 6, burst: 7 },
});

// Golden: read it as the documentation of what an isolated instance gets.
const SMALL = `add counter inet opencode_supervisor blocked_a-b
add set inet opencode_supervisor blocked4_a-b { type ipv4_addr . inet_proto . inet_service; size 1024; flags dynamic,timeout; timeout 1d; counter; }
add set inet opencode_supervisor blocked6_a-b { type ipv6_addr . inet_proto . inet_service; size 1024; flags dynamic,timeout; timeout 1d; counter; }
add chain inet opencode_supervisor no_a-b
flush chain inet opencode_supervisor no_a-b
add chain inet opencode_supervisor out_a-b
flush chain inet opencode_supervisor out_a-b
no: meta l4proto != 1 meta l4proto != 58 update @blocked4_a-b { ip daddr . meta l4proto . th dport }
no: meta l4proto != 1 meta l4proto != 58 update @blocked6_a-b { ip6 daddr . meta l4proto . th dport }
no: limit rate 6/minute burst 7 packets log prefix "opencode-a-b-blocked: " level info flags skuid
no: counter name blocked_a-b
no: goto refuse
out: ct direction reply accept comment "policy HASH 3"
out: tcp dport 53 ip daddr 127.0.0.53 accept
out: udp dport 53 ip daddr 127.0.0.53 accept
out: tcp dport 9000 fib daddr type local accept
out: udp dport 9000 fib daddr type local accept
out: fib daddr type != unicast meta mark set 0x4f430003 jump here
out: ip daddr { 10.0.0.0/8, 192.0.2.1 } accept
out: ip6 daddr fd00::/8 accept
out: goto no_a-b
`;
const abridged = (text: string): string =>
  text.replaceAll(/add rule inet opencode_supervisor (no|out)_a-b /g, "$1: ").replace(/[0-9a-f]{64}/, "HASH");

test("the text of a small policy", () => assert.equal(abridged(putText(small, 3)), SMALL));

test("audit differs in its last word only", () => {
  const audit = isolated("a-b", { ...small.isolation, mode: "audit" });
  assert.equal(abridged(putText(audit, 3)), SMALL.replace("goto refuse", "goto pass"));
});

test("without isolation there is one rule, and it says so", () => {
  const rule = `add rule inet opencode_supervisor out_c accept comment "policy ${policyHash(open("c"))} 0"`;
  assert.equal(putText(open("c"), 0).split("\n")[2], rule);
});

test("the comment is read back as it was written, and nothing else is taken for one", () => {
  const installed = { hash: policyHash(small), slot: 65535 };
  assert.deepEqual(parsePolicyComment(policyComment(installed)), installed);
  for (const other of [null, "", "policy x 1", `policy ${installed.hash}`, `a ${policyComment(installed)}`]) {
    assert.equal(parsePolicyComment(other), null);
  }
});
