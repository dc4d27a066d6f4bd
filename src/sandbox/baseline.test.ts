import assert from "node:assert/strict";
import { test } from "node:test";
import baseline from "./baseline.json" with { type: "json" };
import { baselineGaps, baselineProperties } from "./baseline.ts";
import { valuesOf } from "./testing.ts";

const LOST = ["PrivatePIDs"];

test("every directive has a reason, and none is left out on the bus", () => {
  const onBus = new Set(baselineProperties(257, {}).map(([name]) => name.replace(/Ex$/, "")));
  assert.deepEqual([...onBus].sort(), Object.keys(baseline).sort());
  for (const [name, { why }] of Object.entries(baseline)) assert.ok(why.length > 10 && !why.includes("\n"), name);
});

test("MemoryDenyWriteExecute= never gets in", () => assert.equal("MemoryDenyWriteExecute" in baseline, false));

test("values have the bus's shape", () => {
  const properties = baselineProperties(257, {});
  const expected = {
    PrivateUsers: [true],
    BindLogSockets: [false],
    CapabilityBoundingSet: [0n],
    SecureBits: [2],
    UMask: [0o77],
    LimitCORE: [0n],
    SyslogLevelPrefix: [false],
    RestrictNamespaces: [0x04000000n],
    ProtectControlGroupsEx: ["strict"],
    RestrictAddressFamilies: [[true, ["AF_INET", "AF_INET6", "AF_UNIX"]]],
    TemporaryFileSystem: [[["/dev/shm", "mode=1777,nosuid,nodev"]]],
  } as const;
  for (const [name, values] of Object.entries(expected)) {
    assert.deepEqual(
      properties.filter(([property]) => property === name).map(([, value]) => value),
      values,
      name,
    );
  }
});

test("an older systemd gets what it knows, and what it lacks is said", () => {
  const older = baselineProperties(255, {});
  for (const name of ["PrivatePIDs", "BindLogSockets", "ProtectControlGroupsEx"] as const)
    assert.deepEqual(valuesOf(older, name), []);
  assert.deepEqual(valuesOf(older, "ProtectControlGroups"), [true]);
  const mounts = valuesOf(older, "TemporaryFileSystem");
  assert.deepEqual(
    mounts.map((mount) => JSON.stringify(mount).split('"')[1]),
    ["/dev/shm", "/run", "/run/user", "/home", "/root"],
  );
  assert.deepEqual(
    baselineGaps(255)
      .map((line) => /: (\w+)= is weaker or missing; \w/.exec(line)?.[1])
      .sort(),
    LOST.sort(),
  );
  assert.deepEqual(baselineGaps(257), []);
});

test("an instance may take a directive with another value", () => {
  const properties = baselineProperties(257, { RestrictAddressFamilies: "AF_INET" });
  assert.deepEqual(valuesOf(properties, "RestrictAddressFamilies"), [[true, ["AF_INET"]]]);
});
