import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { Places } from "./places.ts";

const root = mkdtempSync(join(tmpdir(), "places-"));
after(() => rmSync(root, { recursive: true, force: true }));
const fails = (error: unknown): never => assert.fail(String(error));

const swap = (link: string, target: string): void => {
  symlinkSync(target, `${link}.new`);
  renameSync(`${link}.new`, link);
};

/** What a path is before → what is done to it. Each is to be noticed, and so is what is done to it again. */
const CHANGES: readonly (readonly [what: string, act: (at: string, turn: number) => void])[] = [
  ["written in place", (at, turn) => writeFileSync(join(at, "dir/file"), String(turn))],
  [
    "renamed into place",
    (at, turn) => {
      writeFileSync(join(at, "dir/new"), String(turn));
      renameSync(join(at, "dir/new"), join(at, "dir/file"));
    },
  ],
  [
    "removed and made",
    (at, turn) => (turn % 2 === 1 ? rmSync(join(at, "dir/file")) : writeFileSync(join(at, "dir/file"), "")),
  ],
  [
    "its directory made anew",
    (at, turn) => {
      rmSync(join(at, "dir"), { recursive: true });
      mkdirSync(join(at, "dir"));
      writeFileSync(join(at, "dir/file"), String(turn));
    },
  ],
  [
    "a link above it swapped",
    (at, turn) => {
      mkdirSync(join(at, `generation-${turn}`));
      writeFileSync(join(at, `generation-${turn}/file`), String(turn));
      if (turn === 1) rmSync(join(at, "dir"), { recursive: true });
      swap(join(at, "dir"), turn % 2 === 1 ? `generation-${turn}` : join(at, `generation-${turn}`));
    },
  ],
];

for (const [index, [what, act]] of CHANGES.entries()) {
  test(`noticed: ${what}, each time`, async () => {
    // Given
    const at = join(root, String(index));
    mkdirSync(join(at, "dir"), { recursive: true });
    writeFileSync(join(at, "dir/file"), "0");
    const places = new Places(fails);
    let told = 0;
    const following = places.follow(join(at, "dir/file"), () => {
      told += 1;
    });
    await waitFor("the watch", () => told > 0);
    for (const turn of [1, 2, 3, 4]) {
      const before = told;
      // When
      act(at, turn);
      // Then
      await waitFor(`turn ${turn}`, () => told > before);
    }
    following.close();
    assert.equal(places.watched, 0);
  });
}

test("what is not there yet is noticed when it is, its directories with it", async () => {
  const places = new Places(fails);
  let told = 0;
  const following = places.follow(join(root, "later/below/file"), () => {
    told += 1;
  });
  await waitFor("the watch", () => told > 0);
  for (const make of [
    () => mkdirSync(join(root, "later")),
    () => mkdirSync(join(root, "later/below")),
    () => writeFileSync(join(root, "later/below/file"), ""),
  ]) {
    const before = told;
    make();
    await waitFor("what was made", () => told > before);
  }
  following.close();
});

test("many who follow paths in one directory share its watch, and each is told of its own", async () => {
  const places = new Places(fails);
  const told = new Map<string, number>();
  const count = (name: string) => () => void told.set(name, (told.get(name) ?? 0) + 1);
  mkdirSync(join(root, "shared"));
  const names = ["a", "b", "c"];
  const followings = names.map((name) => places.follow(join(root, "shared", name), count(name)));
  await waitFor("the watches", () => told.size === names.length);
  const one = places.watched;
  const before = new Map(told);
  // When
  writeFileSync(join(root, "shared/b"), "");
  await waitFor("b", () => (told.get("b") ?? 0) > (before.get("b") ?? 0));
  // Then
  assert.equal(one, join(root, "shared").split("/").length);
  assert.deepEqual([told.get("a"), told.get("c")], [before.get("a"), before.get("c")]);
  for (const following of followings) following.close();
  assert.equal(places.watched, 0);
});

test("a directory as a whole: what is written, made, replaced and removed anywhere in it, and a link to it that is swapped", async () => {
  const places = new Places(fails);
  const at = join(root, "whole");
  mkdirSync(join(at, "first/below"), { recursive: true });
  mkdirSync(join(at, "second"));
  symlinkSync("first", join(at, "dir"));
  let told = 0;
  const tell = (): void => {
    told += 1;
  };
  const following = places.follow(join(at, "dir"), tell, { whole: true });
  const other = places.follow(join(at, "first/below"), () => undefined);
  await waitFor("the watch", () => told > 0);
  for (const [index, change] of [
    () => writeFileSync(join(at, "first/file"), ""),
    () => writeFileSync(join(at, "first/below/file"), ""),
    () => mkdirSync(join(at, "first/below/further")),
    () => writeFileSync(join(at, "first/below/further/file"), ""),
    () => renameSync(join(at, "first/file"), join(at, "first/below/file")),
    () => rmSync(join(at, "first/below"), { recursive: true }),
    () => swap(join(at, "dir"), "second"),
    () => writeFileSync(join(at, "second/file"), ""),
    () => chmodSync(join(at, "second"), 0o700),
    () => chmodSync(join(at, "second"), 0o755),
    () => writeFileSync(join(at, "second/file"), "more"),
  ].entries()) {
    const before = told;
    change();
    await waitFor(`change ${index}`, () => told > before);
  }
  other.close();
  following.close();
  assert.equal(places.watched, 0);
});
