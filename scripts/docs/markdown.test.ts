import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorsOf, inlineCodeOf, linksOf, parsePage } from "./markdown.ts";

const PAGE = `# A \`b\` and [c](d.md)
See [one](one.md#x), ![two](two.svg) and \`[not](this.md)\`.
\`\`\`sh until
echo "[nor](that.md)"
# no heading
\`\`\`
<img src="three.svg" alt="">
# A b and c
`;

test("fences have their words, their text and their line", () => {
  const body = 'echo "[nor](that.md)"\n# no heading\n';
  assert.deepEqual(parsePage(PAGE).fences, [{ info: ["sh", "until"], body, line: 3 }]);
  assert.throws(() => parsePage("a\n```sh\n"), /line 2: the block is not closed/);
});

test("a longer fence holds shorter ones", () => {
  assert.equal(parsePage("````md\n```sh\n```\n````\n").fences[0]?.body, "```sh\n```\n");
});

test("links are those outside of code", () => {
  const targets = linksOf(PAGE).map(({ line, target }) => `${line} ${target}`);
  assert.deepEqual(targets, ["1 d.md", "2 one.md#x", "2 two.svg", "7 three.svg"]);
});

test("headings are named as on GitHub, the second of a name with a number", () => {
  assert.deepEqual([...anchorsOf(PAGE)], ["a-b-and-c", "a-b-and-c-1"]);
});

test("code within lines", () => {
  assert.deepEqual(inlineCodeOf("x `a b` and ``c`d``"), [
    { line: 1, code: "a b" },
    { line: 1, code: "c`d" },
  ]);
});
