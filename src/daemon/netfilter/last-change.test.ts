import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LastChange } from "./last-change.ts";

/** A kernel that counts transactions, and daemons that come one after the other. */
function world() {
  let generation = 7;
  const file = join(mkdtempSync(join(tmpdir(), "last-change-")), "generation");
  const step = () => void generation++;
  return {
    file,
    foreign: step,
    daemon: () => new LastChange({ generation: () => generation, file }),
    put: (last: LastChange, wroteAll = true) => {
      step();
      last.made(wroteAll);
    },
  };
}

test("what the last daemon wrote need not be written again", () => {
  const { daemon, put } = world();
  const first = daemon();
  assert.equal(first.isAsLeft(), false, "of what was before nothing is known");
  put(first);
  assert.equal(first.isAsLeft(), true);
  const next = daemon();
  put(next, false);
  assert.equal(next.isAsLeft(), true, "its own change is no foreign one");
  assert.equal(daemon().isAsLeft(), true);
});

test("a transaction of somebody else's has all written anew", () => {
  const { daemon, put, foreign } = world();
  put(daemon());
  foreign();
  const next = daemon();
  assert.equal(next.isAsLeft(), false);
  put(next, false);
  assert.equal(daemon().isAsLeft(), false, "a part is not all");
  put(next);
  assert.equal(daemon().isAsLeft(), true);
});

test("so does one between coming and the first change", () => {
  const { daemon, put, foreign } = world();
  put(daemon());
  const next = daemon();
  foreign();
  put(next, false);
  assert.equal(next.isAsLeft(), false);
});

test("while it is told of changes to its own table, those to others do not matter", () => {
  const { daemon, put, foreign } = world();
  const watching = daemon();
  put(watching);
  watching.isWatched = true;
  foreign();
  assert.equal(watching.isAsLeft(), false, "not known yet whose it was");
  put(watching, false);
  assert.equal(watching.isAsLeft(), true);
  watching.touched();
  put(watching, false);
  assert.deepEqual([watching.isAsLeft(), daemon().isAsLeft()], [false, false]);
  put(watching);
  assert.equal(watching.isAsLeft(), true);
});

test("a file that holds nonsense is as good as none", () => {
  const { daemon, put, file } = world();
  put(daemon());
  writeFileSync(file, "");
  assert.equal(daemon().isAsLeft(), false);
});
