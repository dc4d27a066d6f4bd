import assert from "node:assert/strict";
import { test } from "node:test";
import { policyHash, policyOf } from "./policy.ts";
import { isolated, open } from "./testing.ts";

const given = {
  enable: true,
  mode: "enforce" as const,
  outboundAllowCidrs: ["10.0.0.0/8", "fd00::/8", "10.1.0.0/16"],
  dns: ["127.0.0.53"],
  allowLoopbackPorts: [9000, 80, 9000],
  logging: { ratePerMinute: 5, burst: 7 },
};
const of = (over: Partial<typeof given> = {}) => policyOf({ name: "a", networkIsolation: { ...given, ...over } });

test("given an isolated instance, its lists are sorted, merged and by family", () => {
  const expected = isolated("a", {
    allow: { v4: ["10.0.0.0/8"], v6: ["fd00::/8"] },
    dns: { v4: ["127.0.0.53"], v6: [] },
    loopbackPorts: [80, 9000],
    logging: { ratePerMinute: 5, burst: 7 },
  });
  assert.deepEqual(of(), expected);
});

test("given isolation that is off, the rest of its settings do not matter", () =>
  assert.deepEqual(of({ enable: false }), open("a")));

test("the hash follows what the policy means, not how it is written", () => {
  const hash = policyHash(of());
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(
    policyHash(of({ outboundAllowCidrs: ["fd00::/8", "10.0.0.0/8"], allowLoopbackPorts: [80, 9000] })),
    hash,
  );
  for (const other of [of({ dns: [] }), of({ enable: false }), of({ allowLoopbackPorts: [80] }), isolated("b")]) {
    assert.notEqual(policyHash(other), hash);
  }
});
