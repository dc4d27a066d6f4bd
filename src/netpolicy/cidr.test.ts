import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { normalise, within } from "./cidr.ts";

const cases: readonly (readonly [what: string, given: string[], v4: string[], v6: string[]])[] = [
  ["nothing", [], [], []],
  ["a bare address", ["10.0.0.1", "2001:db8::1"], ["10.0.0.1"], ["2001:db8::1"]],
  ["a full-length prefix is a bare address", ["10.0.0.1/32", "::1/128"], ["10.0.0.1"], ["::1"]],
  ["duplicates, in any order", ["10.0.0.0/8", "10.0.0.0/8"], ["10.0.0.0/8"], []],
  ["what another covers", ["10.1.0.0/16", "10.0.0.0/8", "10.1.2.3"], ["10.0.0.0/8"], []],
  ["everything", ["0.0.0.0/0", "10.0.0.0/8", "::/0", "fd00::/8"], ["0.0.0.0/0"], ["::/0"]],
  ["neighbours stay apart", ["10.0.1.0/24", "10.0.0.0/24"], ["10.0.0.0/24", "10.0.1.0/24"], []],
  ["an odd prefix", ["10.0.3.255/23"], ["10.0.2.0/23"], []],
  ["IPv4-mapped is IPv4", ["::ffff:192.0.2.0/120", "::ffff:192.0.2.7"], ["192.0.2.0/24"], []],
  ["but not when it reaches further", ["::/64"], [], ["::/64"]],
];
for (const [what, given, v4, v6] of cases) {
  test(`networks: ${what}`, () => assert.deepEqual(normalise(given), { v4, v6 }));
}

const WITHIN: readonly (readonly [address: string, is: boolean])[] = [
  ["10.255.0.1", true],
  ["11.0.0.0", false],
  ["192.0.2.1", true],
  ["192.0.2.2", false],
  ["fd00::1", true],
  ["::ffff:10.0.0.1", true],
  ["fe00::1", false],
];
for (const [address, is] of WITHIN) {
  test(`${address} is ${is ? "" : "not "}in a list`, () =>
    assert.equal(within({ v4: ["10.0.0.0/8", "192.0.2.1"], v6: ["fd00::/8"] })(address), is));
}

const cidr = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`);
test("what is dropped is covered, and what is kept does not overlap", () => {
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 20 }), (given) => {
      const kept = normalise(given).v4.map((each) => ipaddr.IPv4.parseCIDR(each.includes("/") ? each : `${each}/32`));
      for (const [address, prefix] of given.map((each) => ipaddr.IPv4.parseCIDR(each))) {
        const covering = kept.filter(([outer, length]) => length <= prefix && address.match(outer, length));
        assert.equal(covering.length, 1);
      }
      for (const [address] of kept) {
        assert.equal(kept.filter(([outer, length]) => address.match(outer, length)).length, 1);
      }
    }),
  );
});
