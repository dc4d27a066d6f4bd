import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { allowance, destinationText, nixLine, suggest } from "./suggest.ts";

const own = new Set(["192.0.2.1", "2001:db8::1"]);
const to = (address: string, port = 443, protocol = 6) => ({ address, port, protocol });
const cidrs = (...addresses: string[]) =>
  suggest(
    addresses.map((each) => to(each)),
    own,
  ).add.outboundAllowCidrs;

const ONES: readonly (readonly [what: string, wanted: Parameters<typeof allowance>[0], line: string | null])[] = [
  ["203.0.113.7:443/tcp", to("203.0.113.7"), 'networkIsolation.outboundAllowCidrs = [ "203.0.113.7/32" ];'],
  ["[2001:db8::7]:443/udp", to("2001:db8::7", 443, 17), 'networkIsolation.outboundAllowCidrs = [ "2001:db8::7/128" ];'],
  ["203.0.113.7/icmp", to("203.0.113.7", 2048, 1), 'networkIsolation.outboundAllowCidrs = [ "203.0.113.7/32" ];'],
  ["203.0.113.7:53/udp", to("203.0.113.7", 53, 17), 'networkIsolation.dns = [ "203.0.113.7" ];'],
  ["127.0.0.1:5432/tcp", to("127.0.0.1", 5432), "networkIsolation.allowLoopbackPorts = [ 5432 ];"],
  ["192.0.2.1:53/tcp", to("192.0.2.1", 53), "networkIsolation.allowLoopbackPorts = [ 53 ];"],
  ["[2001:db8::1]:80/tcp", to("2001:db8::1", 80), "networkIsolation.allowLoopbackPorts = [ 80 ];"],
  ["::1/icmpv6", to("::1", 0, 58), null],
  ["127.0.0.1:80/sctp", to("127.0.0.1", 80, 132), null],
  ["127.0.0.1:0/tcp", to("127.0.0.1", 0), null],
];
for (const [text, wanted, line] of ONES) {
  test(`to allow ${text}`, () => {
    assert.equal(destinationText(wanted), text);
    const allowed = allowance(wanted, own);
    assert.equal(allowed === null ? null : nixLine(allowed.option, [allowed.value]), line);
  });
}

test("halves of a network become one, and nothing else is merged", () => {
  assert.deepEqual(cidrs("198.51.100.4", "198.51.100.5", "198.51.100.6", "198.51.100.7"), ["198.51.100.4/30"]);
  assert.deepEqual(cidrs("198.51.100.5", "198.51.100.6"), ["198.51.100.5/32", "198.51.100.6/32"]);
  assert.deepEqual(cidrs("2001:db8::2", "2001:db8::3", "203.0.113.9"), ["203.0.113.9/32", "2001:db8::2/127"]);
});

test("what it did not dare is said", () => {
  const { add, notes } = suggest(
    [to("203.0.113.7"), to("203.0.113.7", 80), to("203.0.113.9"), to("203.0.113.99"), to("224.0.0.251", 5353, 17)],
    own,
  );
  assert.equal(add.outboundAllowCidrs?.length, 3);
  assert.match(notes[0] ?? "", /^3 addresses are in 203\.0\.113\.0\/24; not merged/);
  assert.match(notes[1] ?? "", /^224\.0\.0\.251 is multicast.*mute/);
});

test("each list gets its own, sorted", () => {
  const wanted = [to("127.0.0.1", 9000), to("::1", 80), to("203.0.113.53", 53, 17), to("203.0.113.53", 53)];
  const { add, notes } = suggest(wanted, own);
  assert.deepEqual(add, { dns: ["203.0.113.53"], allowLoopbackPorts: [80, 9000] });
  assert.match(
    notes.join(),
    /^where networkIsolation\.dns was not set, it takes the place of the host's own resolvers/,
  );
  assert.deepEqual(suggest([], own), { add: {}, notes: [] });
});

test("an address of this host that is not loopback is let through by both layers", () => {
  const add = { outboundAllowCidrs: ["192.0.2.1/32"], allowLoopbackPorts: [5432] };
  assert.deepEqual(suggest([to("192.0.2.1", 5432)], own), { add, notes: [] });
});

test("a suggestion allows every address that was asked for, and no other", () => {
  const near = fc.integer({ min: 0, max: 255 }).map((last) => `203.0.113.${last}`);
  fc.assert(
    fc.property(fc.uniqueArray(near, { minLength: 1 }), (addresses) => {
      const networks = (cidrs(...addresses) ?? []).map((each) => ipaddr.IPv4.parseCIDR(String(each)));
      const size = networks.reduce((sum, [, prefix]) => sum + 2 ** (32 - prefix), 0);
      assert.equal(size, addresses.length);
      for (const address of addresses) assert.ok(networks.some((network) => ipaddr.IPv4.parse(address).match(network)));
    }),
  );
});
