import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { run } from "../testbed/run.ts";
import { skippedFiles, summary } from "./test-files.ts";

const FILES = {
  good: `import { test } from "node:test"; test("a", () => {}); test("b", { skip: "why" }, () => {});`,
  bad: `import { describe, it } from "node:test"; describe("s", () => { it("fine", () => {}); it("broken", () => { throw new Error("kaputt"); }); });`,
  empty: `console.log("no test here");`,
  crash: `import { test } from "node:test"; test("a", () => {}); setImmediate(() => { throw new Error("too late"); });`,
  syntax: `import "./missing.mjs";`,
  hang: `import { test } from "node:test"; test("h", () => new Promise(() => { setInterval(() => {}, 1000); }));`,
};

describe("a test file", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "test-files-"));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, `${name}.mjs`), text);
  });
  after(() => rmSync(directory, { recursive: true }));

  /** In a process of its own that does not know it is in a test: node:test does not run files from within one. */
  async function outcome(names: readonly (keyof typeof FILES)[], timeoutMs = 60_000) {
    const files = names.map((name) => join(directory, `${name}.mjs`));
    const script = `
      const { runFiles, summary } = await import(${JSON.stringify(join(import.meta.dirname, "test-files.ts"))});
      console.log(summary(await runFiles(${JSON.stringify(files)}, { atOnce: 2, timeoutMs: ${timeoutMs} })));`;
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const main = join(directory, "main.mjs"); // not -e: what node is started with is handed on to the files' processes
    writeFileSync(main, script);
    const { stdout } = await run([process.execPath, main], { env });
    const lines = stdout.trimEnd().split("\n");
    return { sum: lines.at(-1), printed: lines.slice(0, -1).join("\n") };
  }

  it("counts what passed and what was skipped", async () => {
    const { sum, printed } = await outcome(["good"]);
    assert.equal(sum, "1 passed, 0 failed, 1 skipped");
    assert.match(printed, /^ok {3}.*good\.mjs: 1 passed, 0 failed, 1 skipped \(\d+ ms\)\n {2}SKIP why$/);
  });

  it("that fails is told with the test, its line and its error; the suite around it is not counted", async () => {
    const { sum, printed } = await outcome(["bad"]);
    assert.equal(sum, "1 passed, 1 failed, 0 skipped");
    assert.match(printed, /✗ broken \(line 1\)\n.*Error: kaputt\n.*bad\.mjs:1:/);
  });

  it("without a test fails", async () => {
    const { sum, printed } = await outcome(["empty"]);
    assert.equal(sum, "0 passed, 1 failed, 0 skipped");
    assert.match(printed, /it runs no test/);
  });

  it("that crashes fails, with what it printed, even when its tests passed", async () => {
    const { sum, printed } = await outcome(["crash", "syntax"]);
    assert.equal(sum, "1 passed, 2 failed, 0 skipped");
    assert.match(printed, /too late/);
    assert.match(printed, /Cannot find module .*missing\.mjs/);
  });

  it("that never ends is killed and fails", async () => {
    const { sum, printed } = await outcome(["hang"], 1500);
    assert.equal(sum, "0 passed, 1 failed, 0 skipped");
    assert.match(printed, /still running after 1\.5 s; killed/);
  });

  it("is one of several: the sums add up", async () => {
    assert.equal((await outcome(["good", "bad", "empty", "good"])).sum, "3 passed, 2 failed, 2 skipped");
  });

  it("that cannot run here is skipped aloud", () => {
    const printed: string[] = [];
    const sum = skippedFiles([join(directory, "good.mjs")], "no root", (text) => printed.push(text));
    assert.equal(summary(sum), "0 passed, 0 failed, 1 skipped");
    assert.match(printed.join(), /^SKIP .*good\.mjs: no root$/);
  });
});
