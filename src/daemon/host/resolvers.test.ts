import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResolvers } from "./resolvers.ts";

const CASES: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
  ["nothing", "", []],
  ["a stub", "# by systemd-resolved\nnameserver 127.0.0.53\noptions edns0\n", ["127.0.0.53"]],
  ["both families, in one spelling", "nameserver\t192.0.2.1\nnameserver 2001:DB8:0::53", ["192.0.2.1", "2001:db8::53"]],
  [
    "no more than glibc asks, each once",
    "nameserver 1.1.1.1\n".repeat(2) + [2, 3, 4].map((n) => `nameserver ${n}.0.0.1`).join("\n"),
    ["1.1.1.1", "2.0.0.1", "3.0.0.1"],
  ],
  [
    "what is no address, or cannot be said in a policy",
    "nameserver\nnameserver x\n nameserver 192.0.2.9\nnameserver fe80::1%eth0\n;nameserver 192.0.2.8",
    [],
  ],
  ["a comment behind it", "nameserver 192.0.2.1 # home", ["192.0.2.1"]],
];
for (const [what, text, expected] of CASES) {
  test(`resolvers: ${what}`, () => assert.deepEqual(parseResolvers(text), expected));
}
