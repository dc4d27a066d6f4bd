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
  connectionsMax: 2000,
  logging: { ratePerMinute: 5, burst: 7, summarySeconds: 60, mute: ["224.0.0.0/4"] },
};
const noClients: string[] = [];
const listen = { address: "127.0.0.1", port: 8000, extraPorts: [9001, 9000], allowFrom: noClients };
type Over = Partial<typeof given>;
const of = (over: Over = {}, more: Partial<typeof listen> = {}) =>
  policyOf({ name: "a", listen: { ...listen, ...more }, networkIsolation: { ...given, ...over } });
const shared = {
  listen: { address: "127.0.0.1", ports: [8000, 9000, 9001], from: null },
  loopbackPorts: [80, 9000],
  connectionsMax: 2000,
  logging: { ratePerMinute: 5, burst: 7, summarySeconds: 60, mute: { v4: ["224.0.0.0/4"], v6: [] } },
};

test("given an isolated instance, its lists are sorted, merged and by family", () => {
  const expected = isolated("a", {
    ...shared,
    allow: { v4: ["10.0.0.0/8"], v6: ["fd00::/8"] },
    dns: { v4: ["127.0.0.53"], v6: [] },
  });
  assert.deepEqual(of(), expected);
});

test("given isolation that is off, where it may be reached from and what of this host it may reach still count", () =>
  assert.deepEqual(of({ enable: false, outboundAllowCidrs: [] }), open("a", shared)));

test("clients beyond this host are anybody, or those of the list", () => {
  assert.deepEqual(of({}, { address: "0:0::0", allowFrom: ["192.0.2.0/24"] }).listen, {
    ...shared.listen,
    address: "::",
    from: { v4: ["192.0.2.0/24"], v6: [] },
  });
});

test("the hash follows what the policy means, not how it is written", () => {
  const hash = policyHash(of());
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(
    policyHash(of({ outboundAllowCidrs: ["fd00::/8", "10.0.0.0/8"], allowLoopbackPorts: [80, 9000] })),
    hash,
  );
  const others = [
    of({ dns: [] }),
    of({ enable: false }),
    of({ connectionsMax: 2001 }),
    of({ allowLoopbackPorts: [80] }),
    of({}, { port: 8001 }),
    of({}, { extraPorts: [] }),
    of({}, { address: "0.0.0.0" }),
    isolated("b"),
  ];
  for (const other of others) assert.notEqual(policyHash(other), hash);
});
