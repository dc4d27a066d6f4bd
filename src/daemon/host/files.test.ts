import assert from "node:assert/strict";
import { mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { specOf } from "../instance/testing.ts";
import { sysusersConf } from "./accounts.ts";
import { environmentLine } from "./credentials.ts";
import { readText, remove, writeIfChanged } from "./files.ts";
import { renderConfig } from "./prepare.ts";

test("a file is written whole with its mode, and not touched when it is right already", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "files-"));
  t.after(() => remove(directory));
  const path = join(directory, "below", "file");
  assert.equal(readText(path), null);
  assert.equal(writeIfChanged(path, "one", { mode: 0o640 }), true);
  const before = await stat(path, { bigint: true });
  assert.equal(Number(before.mode & 0o777n), 0o640);
  assert.equal(writeIfChanged(path, "one", { mode: 0o640 }), false);
  assert.equal((await stat(path, { bigint: true })).mtimeNs, before.mtimeNs);
  assert.equal(writeIfChanged(path, "two", { mode: 0o600 }), true);
  assert.deepEqual([readText(path), await readdir(join(directory, "below"))], ["two", ["file"]]);
});

test("what stands where a file is to be replaced is replaced, not followed", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "files-"));
  t.after(() => remove(directory));
  const [link, target] = [join(directory, "link"), join(directory, "target")];
  await writeFile(target, "theirs");
  await (await import("node:fs/promises")).symlink(target, link);
  writeIfChanged(link, "ours", { mode: 0o600 });
  assert.deepEqual([readText(target), readText(link)], ["theirs", "ours"]);
});

test("a password reaches an EnvironmentFile as it is, whatever is in it", () => {
  assert.equal(environmentLine("P", "a\"b\\c$d`e 'f"), 'P="a\\"b\\\\c\\$d\\`e \'f"\n');
});

test("sysusers lines make a user with a group of its own for each instance", () => {
  const specs = [specOf("a"), specOf("b", { stateDir: "/data/100%h" })];
  assert.equal(
    sysusersConf(specs),
    'u opencode-a - "opencode a" /var/lib/opencode/instance-state/a\nu opencode-b - "opencode b" /data/100%%h\n',
  );
});

test("an empty config is the schema alone, and a config's own keys stay as written", () => {
  assert.deepEqual(JSON.parse(renderConfig({ config: {} })), { $schema: "https://opencode.ai/config.json" });
  const config = { model: "m", nested: { list: [1, null] } };
  assert.deepEqual(JSON.parse(renderConfig({ config })), { $schema: "https://opencode.ai/config.json", ...config });
});
