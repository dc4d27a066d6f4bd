import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generated, withKinds } from "./catalogue.ts";
import { EVENTS, eventKinds } from "./messages.ts";

const CATALOGUE = new URL("../../../systemd/opencode-supervisor.catalog", import.meta.url);

test("the journal's catalogue and docs/reference/events.md say what the table says; if not: node src/daemon/journal/catalogue.ts --write", async () => {
  for (const [file, text] of await generated()) assert.equal(readFileSync(file, "utf8"), text, file.pathname);
});

test("a page without its marks is not written over", () => {
  assert.throws(() => withKinds("# Events"), /has lost its marks/);
});

test("a subject names only fields that an entry of its kind has", () => {
  for (const [kind, { subject, text, fields }] of eventKinds()) {
    const named = [...[subject, ...text].join(" ").matchAll(/@([A-Z_]+)@/g)].map(([, name]) => name);
    const had = ["OPENCODE_INSTANCE", ...Object.keys(fields).map((name) => `OPENCODE_${name.toUpperCase()}`)];
    assert.deepEqual(
      named.filter((name) => !had.includes(name ?? "")),
      [],
      kind,
    );
  }
});

test("every kind that the daemon tells of is in the table, and every kind of the table is told of", async () => {
  const daemon = new URL("../", import.meta.url);
  const files = (await readdir(daemon, { recursive: true })).filter((path) => /(?<!\.test)\.ts$/.test(path));
  const text = files.map((path) => readFileSync(new URL(path, daemon), "utf8")).join("\n");
  const told = [...text.matchAll(/(?:\.(?:info|warn|error)\(|fields =)\s*\{ kind: "([a-z]+)"/g)].map(
    ([, kind]) => kind,
  );
  assert.deepEqual([...new Set(told)].sort(), Object.keys(EVENTS).sort());
});

const hasJournalctl = () => {
  try {
    execFileSync("journalctl", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

test("journald takes the catalogue and explains each kind by it", { skip: !hasJournalctl() && "no journalctl" }, () => {
  const root = mkdtempSync(join(tmpdir(), "catalogue-"));
  try {
    execFileSync("install", ["-D", "-m", "0644", CATALOGUE.pathname, `${root}/usr/lib/systemd/catalog/our.catalog`]);
    execFileSync("install", ["-d", `${root}/var/lib/systemd/catalog`]);
    execFileSync("journalctl", ["--update-catalog", "--root", root], { stdio: "pipe" });
    const listed = execFileSync("journalctl", ["--list-catalog", "--root", root], { encoding: "utf8" });
    for (const { id, subject } of Object.values(EVENTS)) {
      assert.ok(
        listed.split("\n").some((line) => line.includes(id) && line.includes(subject)),
        subject,
      );
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});
