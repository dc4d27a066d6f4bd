/** Every mistake of mistakes.json ends the evaluation with one message that names the instance, the option and what to write. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { parseInstances, said } from "../../src/spec/fixtures.ts";
import { evaluate, NEEDS_LIB } from "./nix.ts";

const Mistake = Type.Object({
  title: Type.String(),
  instances: Type.Record(Type.String(), Type.Unknown()),
  /** What does not fit its type. */
  option: Type.Optional(Type.String()),
  says: Type.Optional(Type.String()),
  /** What `opencode-supervisor validate` says of these instances is what is to be said here. */
  same: Type.Optional(Type.Boolean()),
});
const text = await readFile(new URL("mistakes.json", import.meta.url), "utf8");
const MISTAKES = Value.Parse(Type.Array(Mistake), JSON.parse(text));

/** The lines of NixOS' "Failed assertions:". */
const failedAssertions = (stderr: string): string[] =>
  stderr
    .slice(stderr.indexOf("Failed assertions:"))
    .split("\n")
    .flatMap((line) => /^ +- (.*)/.exec(line)?.[1] ?? []);

async function refusal(index: number): Promise<string> {
  const { code, stdout, stderr } = await evaluate("mistakes.nix", { index: String(index) });
  assert.notEqual(code, 0, `it evaluates: ${stdout}`);
  return stderr;
}

describe("a mistake ends the evaluation", NEEDS_LIB, () => {
  MISTAKES.forEach(({ title, instances, option, says, same }, index) => {
    test(title, async () => {
      const stderr = await refusal(index);
      if (same) {
        const words = said(parseInstances(instances));
        assert.notDeepEqual(words, []);
        assert.deepEqual(failedAssertions(stderr).sort(), [...words].sort());
      } else if (option === undefined) {
        assert.deepEqual(failedAssertions(stderr), [says]);
      } else {
        const last = stderr.slice(stderr.lastIndexOf("error:"));
        assert.ok(last.includes(`services.opencode.instances.a.${option}`), stderr);
        assert.ok(last.includes(says ?? "?"), stderr);
      }
    });
  });
});

test("the table has its 40 mistakes and more", () => assert.ok(MISTAKES.length > 60));
