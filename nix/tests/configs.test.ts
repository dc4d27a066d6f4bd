/** What the typed options make of an opencode.json, judged by the real opencode: `opencode debug config`. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { CONFIGS, golden, render } from "../../scripts/nix-golden.ts";
import { opencodeBinary, TREE } from "../../testbed/host.ts";
import { run } from "../../testbed/run.ts";
import { NEEDS_LIB } from "./nix.ts";

const files = await golden(CONFIGS);
const Warnings = Type.Record(Type.String(), Type.Array(Type.String()));
const warned = Value.Parse(Warnings, JSON.parse(files.get("warned-of") ?? "{}"));

/** Runs it with `text` as its global config and nothing else to read, and no network to use. */
async function debugConfig(text: string) {
  const home = await mkdtemp(join(tmpdir(), "opencode-config-"));
  try {
    const directory = join(home, ".config/opencode");
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "opencode.json"), text);
    await writeFile(join(directory, ".gitignore"), "*\n");
    const env = {
      HOME: home,
      PATH: "/usr/bin:/bin",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_AUTOUPDATE: "1",
    };
    const command = ["unshare", "--user", "--net", "--", join(TREE, opencodeBinary()), "debug", "config"];
    return await run(["sh", "-c", 'cd "$HOME" && exec "$@"', "sh", ...command], {
      env,
      check: false,
      timeoutMs: 120_000,
    });
  } finally {
    await rm(home, { recursive: true });
  }
}

/** A reviver for JSON: opencode shows keys and headers as stars. */
const masked = (key: string, value: unknown): unknown => (/^(apiKey|Authorization|X)$/.test(key) ? "***" : value);

describe("the real opencode", () => {
  for (const [name, fields] of Object.entries(warned)) {
    const title = fields.length === 0 ? "takes all of" : `takes the others, but not ${fields.join(", ")}, of`;
    test(`${title} ${name}.json`, async () => {
      const text = files.get(`${name}.json`) ?? "";
      const { code, stdout, stderr } = await debugConfig(text);
      if (name === "rejected") {
        assert.notEqual(code, 0);
        assert.match(`${stdout}${stderr}`, /lsp\.enabled/);
        return;
      }
      assert.equal(code, 0, `${stdout}${stderr}`);
      const Config = Type.Record(Type.String(), Type.Unknown());
      const [written, read] = [text, stdout].map((json) => Value.Parse(Config, JSON.parse(json, masked)));
      const isIgnored = (key: string): boolean => fields.includes(`config.${key}`);
      for (const [key, value] of Object.entries(written ?? {})) {
        if (isIgnored(key)) assert.equal(read?.[key], undefined, key);
        else assert.partialDeepStrictEqual(read, { [key]: value });
      }
    });
  }
});

test("golden is what evaluation renders (else: node scripts/nix-golden.ts)", NEEDS_LIB, async () => {
  assert.deepEqual(files, await render(CONFIGS));
});

test("Empty config produces valid JSON", () => {
  assert.equal(files.get("empty.json"), '{"$schema":"https://opencode.ai/config.json"}');
});
