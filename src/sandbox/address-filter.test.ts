import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFilter, lacksSecondLayer } from "./address-filter.ts";
import { instance } from "./testing.ts";

const show = (prefixes: ReturnType<typeof addressFilter>["allow"]) =>
  prefixes.map(
    ([family, bytes, length]) =>
      `${family}:${Buffer.from(bytes)
        .toString("hex")
        .replace(/(00)+$/, "")}/${length}`,
  );
const ANY = ["2:/0", "10:/0"];
const LOCAL = ["2:7f/8", `10:${"00".repeat(15)}01/128`];

const isolation = (extra: object = {}) => ({ networkIsolation: { enable: true, ...extra } });
const open = (address: string, ...allowFrom: string[]) => ({ listen: { address, port: 8787, allowFrom } });
const ROWS: readonly (readonly [
  what: string,
  spec: object,
  allow: readonly string[],
  deny: readonly string[],
  second: boolean,
])[] = [
  ["without isolation, any address", {}, ANY, [], true],
  ["in audit, any address", isolation({ mode: "audit" }), ANY, [], true],
  ["isolated, loopback only", isolation(), LOCAL, ANY, true],
  [
    "isolated, what is allowed",
    isolation({ outboundAllowCidrs: ["10.0.0.0/8", "fd00::/8", "192.0.2.7"] }),
    [...LOCAL, "2:0a/8", "10:fd/8", "2:c0000207/32"],
    ANY,
    true,
  ],
  ["isolated, its resolvers", isolation({ dns: ["192.0.2.53"] }), [...LOCAL, "2:c0000235/32"], ANY, true],
  [
    "isolated and open to some, those",
    { ...isolation(), ...open("0.0.0.0", "192.0.2.0/24") },
    [...LOCAL, "2:c00002/24"],
    ANY,
    true,
  ],
  [
    "isolated and open to some at one address, those and this host by that address",
    { ...isolation(), ...open("192.0.2.1", "198.51.100.0/24") },
    [...LOCAL, "2:c63364/24", "2:c0000201/32"],
    ANY,
    true,
  ],
  [
    "isolated and open to all, any address: the table stands alone",
    { ...isolation(), ...open("0.0.0.0") },
    ANY,
    [],
    false,
  ],
  ["isolated on ::1, loopback only", { ...isolation(), ...open("::1") }, LOCAL, ANY, true],
];
for (const [what, extra, allow, deny, second] of ROWS) {
  test(what, () => {
    const spec = instance(extra);
    const filter = addressFilter(spec);
    assert.deepEqual([show(filter.allow), show(filter.deny)], [allow, deny]);
    assert.equal(lacksSecondLayer(spec), !second);
  });
}
