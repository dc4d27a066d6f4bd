import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { normalise, within } from "./cidr.ts";
import { towards } from "./match.ts";

const LISTS: readonly (readonly [what: string, networks: readonly string[], rules: readonly string[]])[] = [
  ["nothing", [], []],
  ["one network", ["10.0.0.0/8"], ["ip daddr 10.0.0.0/8 accept"]],
  ["everything", ["0.0.0.0/0", "::/0"], ["ip daddr 0.0.0.0/0 accept", "ip6 daddr ::/0 accept"]],
  ["addresses", ["192.0.2.1", "192.0.2.3"], ["ip daddr { 192.0.2.1, 192.0.2.3 } accept"]],
  [
    "networks of one length are what is left when the rest is masked away",
    ["10.0.0.0/23", "10.0.4.0/23", "2001:db8::/32", "2001:db9::/32"],
    [
      "ip daddr & 255.255.254.0 { 10.0.0.0, 10.0.4.0 } accept",
      "ip6 daddr & ffff:ffff:: { 2001:db8::, 2001:db9:: } accept",
    ],
  ],
  [
    "of two lengths, the longer list first",
    ["10.0.0.0/24", "10.0.2.0/24", "192.0.2.1"],
    ["ip daddr & 255.255.255.0 { 10.0.0.0, 10.0.2.0 } accept", "ip daddr 192.0.2.1 accept"],
  ],
  [
    "of three lengths, intervals",
    ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.1"],
    ["ip daddr { 10.0.0.0/8, 192.0.2.0/24, 198.51.100.1 } accept"],
  ],
];
for (const [what, networks, rules] of LISTS) {
  test(`rules for ${what}`, () => assert.deepEqual(towards("", normalise(networks)), rules));
}

const bytes = (address: string): number[] => ipaddr.parse(address).toByteArray();
const covers = (network: string, address: string): boolean => within({ v4: [network], v6: [] })(address);

/** What the kernel makes of such a rule: whether it takes this IPv4 destination. */
function takes(rule: string, address: string): boolean {
  const [, mask, list = ""] = /^ip daddr (?:& (\S+) )?(?:\{ )?(.*?)(?: \})? accept$/.exec(rule) ?? [];
  if (mask === undefined) return list.split(", ").some((network) => covers(network, address));
  const masked = bytes(address).map((byte, index) => byte & (bytes(mask)[index] ?? 0));
  return list.split(", ").includes(masked.join("."));
}

test("whatever the lengths, the rules take what the list covers and nothing else", () => {
  const near = fc.tuple(fc.constantFrom(0, 1, 127, 128, 254, 255), fc.constantFrom(0, 3, 128, 255));
  const address = near.map(([third, fourth]) => `10.0.${third}.${fourth}`);
  const lists = fc
    .uniqueArray(fc.constantFrom(32, 31, 25, 24, 23, 16), { minLength: 1, maxLength: 3 })
    .chain((lengths) => fc.array(fc.tuple(address, fc.constantFrom(...lengths)).map((both) => both.join("/"))));
  fc.assert(
    fc.property(lists, address, (list, destination) => {
      const networks = normalise(list);
      const taken = towards("", networks).some((rule) => takes(rule, destination));
      assert.equal(taken, within(networks)(destination));
    }),
  );
});
