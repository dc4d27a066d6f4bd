import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInstanceFile } from "../../../spec/parse.ts";
import { fileOf } from "../testing.ts";
import { castOf, fileAtRest, flapped, HANDS, randomOf, roundOf } from "./hands.ts";

const cast = castOf(50);
const rounds = (seed: number) => {
  const random = randomOf(seed);
  return Array.from({ length: 40 }, () => {
    const { hands, file, script } = roundOf(random, cast, true);
    return { hands, file, script: script("/file") };
  });
};

test("a seed gives the same run again, another one another", () => {
  assert.deepEqual(rounds(1), rounds(1));
  assert.notDeepEqual(rounds(1), rounds(2));
});

test("within a few rounds every hand is at work, and files are whole and broken", () => {
  const seen = new Set(rounds(1).flatMap(({ hands }) => hands));
  assert.deepEqual([...seen].sort(), Object.keys(HANDS).sort());
  const whole = rounds(1).map(({ file }) => parseInstanceFile(Buffer.from(file)).ok);
  assert.deepEqual([...new Set(whole)].sort(), [false, true]);
});

test("fifty at rest; in a file that flaps nobody differs but the flappers", () => {
  const rest = fileAtRest(cast);
  assert.equal(Object.keys(rest).length, 50);
  const parsed = parseInstanceFile(Buffer.from(fileOf(rest)));
  assert.deepEqual(parsed.ok ? [] : parsed.problems, []);
  const random = randomOf(3);
  for (let times = 0; times < 50; times++) {
    const found = parseInstanceFile(Buffer.from(flapped(random, cast)));
    if (!found.ok) continue;
    const names = found.specs.map(({ name }) => name);
    assert.deepEqual(names.filter((name) => !name.startsWith("flapper")).length, 42);
  }
});
