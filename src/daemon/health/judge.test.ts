import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Course, FIRST, judge, type Pulse, SILENT, spaced, type Verdict } from "./judge.ts";

const PULSES: Readonly<Record<string, Pulse>> = {
  ".": { kind: "alive" },
  x: { kind: "sick", why: "500" },
  _: { kind: "silent", why: "no answer" },
  "?": { kind: "unknown" },
};
const pulse = (letter: string): Pulse => PULSES[letter] ?? { kind: "unknown" };
/** The verdicts and the course after looks written as letters. */
function after(looks: string): { course: Course; verdicts: Verdict[] } {
  let course: Course = FIRST;
  const verdicts = [...looks].map((letter) => {
    const judged = judge(course, pulse(letter));
    course = judged.course;
    return judged.verdict;
  });
  return { course, verdicts };
}

const CASES: readonly (readonly [looks: string, last: Verdict])[] = [
  [".", "well"],
  ["x", "undecided"],
  ["_", "undecided"],
  ["?", "undecided"],
  ["xx", "unhealthy"],
  ["__", "unhealthy"],
  ["x_", "unhealthy"],
  ["____", "unhealthy"],
  ["_____", "hung"],
  ["__?___", "hung"],
  ["____x____", "unhealthy"],
  ["____._", "undecided"],
  ["xxxxxxxxxx", "unhealthy"],
  ["____?", "undecided"],
  ["_____.", "well"],
];
for (const [looks, last] of CASES) test(`${looks} is ${last}`, () => assert.equal(after(looks).verdicts.at(-1), last));

test("one that stays well is looked at ever less, to 30 s; one that was amiss often again", () => {
  assert.deepEqual(
    [1, 2, 20].map((times) => after(".".repeat(times)).course.delay),
    [3000, 4500, 30_000],
  );
  assert.equal(after(`${".".repeat(20)}_`).course.delay, 1000);
  assert.equal(after(`${".".repeat(20)}_.`).course.delay, 2000);
});

test("there is more patience with each look that is not answered", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((times) => after("_".repeat(times)).course.patience),
    [5000, 5000, 5000, 10_000, 20_000],
  );
  assert.equal(after("____.").course.patience, 5000);
});

test("a host that is busy for ever never makes a server hung", () => {
  const course = after("____").course;
  assert.equal(judge(course, { kind: "unknown" }).verdict, "undecided");
  assert.deepEqual(after(`__${"?".repeat(1000)}`).verdicts.slice(2), new Array(1000).fill("undecided"));
});

test("hung is only who did not answer so many times since it last did, whatever else was seen", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...Object.keys(PULSES))), (letters) => {
      const { verdicts } = after(letters.join(""));
      letters.forEach((letter, index) => {
        const answered = letters.slice(0, index + 1).findLastIndex((one) => one === "." || one === "x");
        const silent = letters.slice(answered + 1, index + 1).filter((one) => one === "_").length;
        assert.equal(verdicts[index] === "hung", letter === "_" && silent >= SILENT);
      });
    }),
  );
});

test("the more servers there are, the longer those that are well wait; one that was amiss never does", () => {
  const well = { ...FIRST, delay: 30_000 };
  assert.deepEqual(
    [1, 100, 500].map((servers) => spaced(well, servers)),
    [30_000, 30_000, 150_000],
  );
  assert.deepEqual([spaced(FIRST, 1), spaced(FIRST, 500)], [FIRST.delay, 150_000]);
  assert.equal(spaced({ ...FIRST, amiss: 1 }, 500), FIRST.delay);
});
