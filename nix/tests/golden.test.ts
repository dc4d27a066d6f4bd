/** What evaluation renders, kept in golden/: it is fresh, it is what the daemon's loader takes, and no secret is in it. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { golden, hosts, render } from "../../scripts/nix-golden.ts";
import { instanceUnits } from "../../src/sandbox/properties.ts";
import { HOST, valuesOf } from "../../src/sandbox/testing.ts";
import { bytes, said } from "../../src/spec/fixtures.ts";
import { parseInstanceFile } from "../../src/spec/parse.ts";
import type { InstanceSpec } from "../../src/spec/schema.ts";
import { checkShape } from "../../src/spec/shape.ts";
import { NEEDS_LIB } from "./nix.ts";

const FILE = "etc/opencode/instances.json";

async function specsOf(host: string): Promise<ReadonlyMap<string, InstanceSpec>> {
  const parsed = parseInstanceFile(bytes((await golden(host)).get(FILE) ?? ""));
  assert.deepEqual(said(parsed), []);
  assert.ok(parsed.ok);
  return new Map(parsed.specs.map((spec) => [spec.name, spec]));
}

for (const host of await hosts()) {
  describe(host, () => {
    test("golden is what evaluation renders (else: node scripts/nix-golden.ts)", NEEDS_LIB, async () => {
      assert.deepEqual(await golden(host), await render(host));
    });

    test("the loader takes the instance file, in which every field of the schema is written", async () => {
      assert.ok((await specsOf(host)).size > 0);
      const file: unknown = JSON.parse((await golden(host)).get(FILE) ?? "");
      const { instances } = Value.Parse(Type.Object({ instances: Type.Record(Type.String(), Type.Unknown()) }), file);
      for (const instance of Object.values(instances)) {
        const written = structuredClone(instance);
        assert.deepEqual(checkShape(instance).input, written);
      }
    });

    test("both units of every enabled instance have a drop-in with commands, and get none from the daemon", async () => {
      const tree = await golden(host);
      for (const [name, spec] of await specsOf(host)) {
        const units = instanceUnits(spec, HOST);
        for (const [unit, properties] of [
          [`opencode-${name}.service`, units.main],
          [`opencode-${name}-setup.service`, units.setup],
        ] as const) {
          const text = tree.get(`etc/systemd/system/${unit}.d/overrides.conf`);
          assert.equal(text !== undefined, spec.enable, unit);
          if (!spec.enable) continue;
          assert.match(text ?? "", /^ExecStart=:"/m);
          assert.doesNotMatch(text ?? "", /^IPAddress|^WantedBy/m);
          assert.deepEqual(valuesOf(properties, "ExecStartEx"), []);
        }
      }
    });
  });
}

test("a changed allow-list changes no hash; a changed environment does", async () => {
  const [first, second] = [await specsOf("first"), await specsOf("second")];
  const hashes = (name: string) =>
    [first, second].map((specs) => specs.get(name)).map((spec) => spec && instanceUnits(spec, HOST).specHash);
  for (const [name, isSame] of [
    ["same", true],
    ["policy", true],
    ["changed", false],
  ] as const) {
    const [before, after] = hashes(name);
    assert.ok(before !== undefined && after !== undefined, name);
    assert.equal(before === after, isSame, name);
  }
});

test("Secret supplied only via environment file: what is in it is in no rendered file", NEEDS_LIB, async () => {
  const directory = await mkdtemp(join(tmpdir(), "nix-secrets-"));
  try {
    const names = ["environmentFile", "passwordFile", "configFile"];
    for (const name of names) await writeFile(join(directory, name), `SECRET=plaintext-of-${name}\n`);
    // Once as text, once as a Nix path, which must not be copied into the store.
    const texts = names.map((name) => `${name} = "${join(directory, name)}";`);
    const paths = names.map((name) => `${name} = ${join(directory, name)};`);
    for (const options of [texts, paths]) {
      const tree = await render(
        "first",
        `{ services.opencode.instances.same = { lib, ... }: lib.mkForce { directory = "/srv/same"; listen.port = 7101; ${options.join(" ")} }; }`,
      );
      const instances = tree.get(FILE) ?? "";
      for (const name of names) assert.ok(instances.includes(join(directory, name)), name);
      for (const [path, text] of tree) assert.doesNotMatch(text, /plaintext-of/, path);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
