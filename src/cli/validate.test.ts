import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { good } from "../spec/fixtures.ts";
import { MAX_BYTES } from "../spec/parse.ts";
import { validate } from "./validate.ts";

/** Runs the command and keeps what it prints. */
async function run(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const printed = { out: "", err: "" };
  const [path = ""] = args.filter((arg) => arg !== "--json");
  const status = await validate(path, args.includes("--json"), {
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
  });
  return { status, ...printed };
}

describe("validate", () => {
  let dir = "";
  const file = async (content: string | object): Promise<string> => {
    const path = join(dir, "instances.json");
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "validate-"));
  });
  after(() => rm(dir, { recursive: true }));

  test("a good file: how many instances it has", async () => {
    const path = await file({ version: 1, instances: { a: good() } });
    assert.deepEqual(await run(path), { status: 0, out: `${path}: 1 instance, no mistakes\n`, err: "" });
    assert.deepEqual(await run("--json", path), { status: 0, out: '{"ok":true,"valid":1,"problems":[]}\n', err: "" });
  });

  test("mistakes: all of them, by instance, and how many instances are without", async () => {
    const path = await file({
      version: 1,
      instances: { b: good({ directory: "b", lisen: 1 }), a: good({ user: "root" }), c: good({ listen: { port: 1 } }) },
    });
    const { status, out, err } = await run(path);
    assert.deepEqual([status, err], [65, ""]);
    assert.equal(
      out,
      [
        "a:",
        '  listen.port: port 8787 on 127.0.0.1 is also wanted by instance "b" (its listen.port, on 127.0.0.1); write a port that no other instance has',
        '  user: "root" is not confined by anything; write an account made for this instance, or leave it out',
        "",
        "b:",
        '  directory: "b" is not an absolute path; write an absolute path, such as "/srv/project"',
        '  lisen: unknown key "lisen"; did you mean "listen"?',
        '  listen.port: port 8787 on 127.0.0.1 is also wanted by instance "a" (its listen.port, on 127.0.0.1); write a port that no other instance has',
        "",
        "5 mistakes, 1 instance without",
        "",
      ].join("\n"),
    );
    const json: unknown = JSON.parse((await run(path, "--json")).out);
    assert.ok(typeof json === "object" && json !== null && "problems" in json && Array.isArray(json.problems));
    assert.equal(json.problems.length, 5);
  });

  test("a broken file: what is wrong and where", async () => {
    const path = await file('{"version": 1');
    const { status, out } = await run(path);
    assert.equal(status, 65);
    assert.equal(
      out,
      `${path}:\n  the file is not JSON: it ends too early: a "," or "}" was expected, at line 1, column 14; mend it there\n\n1 mistake; nothing in it can be used\n`,
    );
  });

  test("a file too large, and one that is empty, have mistakes", async () => {
    assert.equal((await run(await file("x".repeat(MAX_BYTES + 1)))).status, 65);
    assert.equal((await run(await file(""))).status, 65);
  });

  test("a file that cannot be read", async () => {
    execFileSync("mkfifo", [join(dir, "fifo")]);
    for (const path of [join(dir, "missing"), dir, join(dir, "fifo")]) {
      const { status, out, err } = await run(path);
      assert.deepEqual([status, out], [66, ""]);
      assert.ok(err.startsWith(`opencode-supervisor: ${path} `));
    }
    assert.match(
      (await run(join(dir, "missing"), "--json")).out,
      /^\{"ok":false,"valid":0,"problems":\[\{"instance":null,/,
    );
  });

  test("a file that may not be read", async () => {
    const path = await file("{}");
    await chmod(path, 0);
    await chmod(dir, 0o755);
    // As root every file can be read: be somebody else meanwhile.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    const { status, err } = await run(path).finally(() => isRoot && process.seteuid?.(0));
    assert.equal(status, 66);
    assert.match(err, /permission denied; run this as root/);
    await chmod(path, 0o644);
  });
});
