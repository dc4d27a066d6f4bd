/** That the kernel takes every text, whatever the policy, and gives back what was put in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Nft, rules } from "nftables-napi";
import { inNamespaces } from "../../packages/nftables-napi/testing.ts";
import { canonical } from "../spec/address.ts";
import { normalise } from "./cidr.ts";
import { putText, removeText } from "./instance.ts";
import { FAMILY, namesOf, TABLE, TABLE_NAME } from "./names.ts";
import { type Policy, policyHash } from "./policy.ts";
import { listedPolicies } from "./readback.ts";

const prefixed = (address: fc.Arbitrary<string>, max: number) =>
  fc.tuple(address, fc.integer({ min: 0, max })).map(([each, prefix]) => `${each}/${prefix}`);
const networks = fc
  .array(fc.oneof(prefixed(fc.ipV4(), 32), prefixed(fc.ipV6(), 128)), { maxLength: 12 })
  .map(normalise);
const port = fc.integer({ min: 1, max: 65535 });
const isolation = fc.record({
  mode: fc.constantFrom("enforce" as const, "audit" as const),
  allow: networks,
  dns: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }).map(normalise),
});
const listen = fc.record({
  address: fc.oneof(fc.constantFrom("127.0.0.1", "::1", "0.0.0.0", "::"), fc.ipV4(), fc.ipV6()).map(canonical),
  ports: fc.uniqueArray(port, { minLength: 1, maxLength: 4 }),
  from: fc.option(networks),
});
/** A prefix of the kernel's log has at most 127 bytes (NF_LOG_PREFIXLEN, its NUL included, is 128); names of instances are shorter by far. */
const fitsPrefix = (each: string): boolean => namesOf(each).crowdedPrefix.length <= 127;
const name = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }).filter(fitsPrefix),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,21}$/),
  fc.constantFrom("accept", "ip", "daddr", "table", "counter", "1", "-", "_", "0x", "over", "opencode"),
);
const policy: fc.Arbitrary<Policy> = fc.record({
  name,
  listen,
  loopbackPorts: fc.uniqueArray(port, { maxLength: 5 }),
  connectionsMax: fc.integer({ min: 16, max: 1048576 }),
  logging: fc.record({
    ratePerMinute: fc.integer({ min: 1, max: 6000 }),
    burst: fc.integer({ min: 1, max: 1000 }),
    summarySeconds: fc.constant(60),
    mute: networks,
  }),
  isolation: fc.option(isolation),
});

inNamespaces(import.meta.url, () => {
  const nft = new Nft();
  const run = (text: string): void => assert.equal(nft.run(text).error, "", text);
  const shared = ["refuse", "closed", "pass", "answers", "tell", "canary"]
    .map((chain) => `add chain ${TABLE} ${chain}\n`)
    .join("");
  const listed = () => listedPolicies(rules(FAMILY, TABLE_NAME));

  test("any policy under any name can be put, read back, put again and removed", () => {
    run(`add table ${TABLE}\n${shared}`);
    fc.assert(
      fc.property(fc.uniqueArray(policy, { selector: (each) => each.name, minLength: 1, maxLength: 4 }), (policies) => {
        const wanted = policies.map((each, index) => ({ each, slot: index + 1 }));
        const text = wanted.map(({ each, slot }) => putText(each, slot)).join("");
        run(text);
        run(text);
        const expected = wanted.map(({ each, slot }) => [each.name, { hash: policyHash(each), slot }] as const);
        assert.deepEqual(listed(), new Map(expected));
        run(wanted.map(({ each }) => removeText(each.name)).join(""));
        assert.deepEqual(listed(), new Map());
      }),
    );
    const left = nft.run(`list table ${TABLE}`).output;
    assert.doesNotMatch(left, /blocked|(out|no|in)_/);
  });
});
