import assert from "node:assert/strict";
import { test } from "node:test";
import { progressLine } from "./progress.ts";

function recorder(more: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  return { written, output: { ...more, write: (text: string) => written.push(text) } };
}

test("on a terminal it is one line, no wider than that, written when it changes and gone at the end", () => {
  const { written, output } = recorder({ isTTY: true, columns: 20 });
  const line = progressLine(output, {});
  for (const text of ["1 of 2 up", "1 of 2 up", "x".repeat(50), "red \u001b[31m"]) line.show(text);
  line.end();
  line.end();
  assert.deepEqual(written, ["\r1 of 2 up\u001b[K", `\r${"x".repeat(19)}\u001b[K`, "\rred \u001b[K", "\r\u001b[K"]);
});

test("elsewhere, and on a terminal that cannot do that, it is a line now and then, and the last one in any case", () => {
  for (const [more, env] of [
    [{}, {}],
    [{ isTTY: true }, { TERM: "dumb" }],
  ] as const) {
    const { written, output } = recorder(more);
    let now = 0;
    const line = progressLine(output, env, () => now);
    for (const step of [0, 1, 2, 3]) {
      now = step * 2000;
      line.show(`${step} of 4 up`);
    }
    line.show("4 of 4 up");
    line.end();
    assert.deepEqual(written, ["0 of 4 up\n", "3 of 4 up\n", "4 of 4 up\n"]);
  }
});

test("with nothing to say it says nothing", () => {
  for (const isTTY of [true, false]) {
    const { written, output } = recorder({ isTTY });
    progressLine(output, {}).end();
    assert.deepEqual(written, []);
  }
});
