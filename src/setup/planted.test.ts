/** What somebody of the same user does to HOME while, or before, setup works in it; what is merely in the way: main.test.ts. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Failure } from "./failure.ts";
import { ensureDirectory, ensureFile, ensureLink } from "./tree.ts";

let base = "";
const home = () => join(base, "home");
const elsewhere = () => join(base, "elsewhere");
const inHome = (path: string) => join(home(), path);
const inside = (path: string) => readdirSync(path, { recursive: true, encoding: "utf8" }).sort();

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "planted-"));
  for (const path of [home(), elsewhere()]) mkdirSync(path);
});
afterEach(() => rmSync(base, { recursive: true }));

describe("a hard link to a file elsewhere", () => {
  const theirs = () => join(elsewhere(), "theirs");
  const ATTEMPTS: Readonly<Record<string, () => void>> = {
    "where the config's link goes": () => ensureLink(home(), inHome("at"), "/target"),
    "where a directory goes": () => ensureDirectory(home(), inHome("at/below")),
    "where a file goes": () => ensureFile(home(), inHome("at"), "ours"),
  };
  for (const [where, attempt] of Object.entries(ATTEMPTS)) {
    test(`${where}: the file is neither written nor taken away`, () => {
      writeFileSync(theirs(), "theirs");
      linkSync(theirs(), inHome("at"));
      const before = lstatSync(theirs());
      try {
        attempt();
      } catch (error) {
        assert.ok(error instanceof Failure);
      }
      const { ino, size, mtimeMs, ctimeMs, nlink } = lstatSync(theirs());
      assert.deepEqual([ino, size, mtimeMs, ctimeMs, nlink], [before.ino, 6, before.mtimeMs, before.ctimeMs, 2]);
      assert.equal(readFileSync(theirs(), "utf8"), "theirs");
    });
  }
});

describe("a link", () => {
  const LINKS: Readonly<Record<string, string>> = {
    "to a directory elsewhere": "../elsewhere",
    "to itself": "at",
    "to nothing": "/no/such",
    "to the directory it is in": ".",
    "up and down again": "../home/other",
    "to HOME itself": "../home",
    "to the process's own root": "/proc/self/root",
    "to a descriptor": "/proc/self/fd/0",
  };
  for (const [where, target] of Object.entries(LINKS)) {
    test(`${where} in the way of a directory is refused and stays`, () => {
      mkdirSync(inHome("other"));
      symlinkSync(target, inHome("at"));
      assert.throws(() => ensureDirectory(home(), inHome("at/below")), /at is a symbolic link where a directory has/);
      assert.throws(() => ensureFile(home(), inHome("at/file"), ""), /at is a symbolic link where a directory has/);
      assert.equal(readlinkSync(inHome("at")), target);
      assert.deepEqual([inside(elsewhere()), readdirSync(home()).sort()], [[], ["at", "other"]]);
    });

    test(`${where} in the way of the config's link is replaced, and what it leads to is not touched`, () => {
      mkdirSync(inHome("other"));
      symlinkSync(target, inHome("at"));
      ensureLink(home(), inHome("at"), "/config");
      assert.equal(readlinkSync(inHome("at")), "/config");
      assert.deepEqual([inside(elsewhere()), readdirSync(home()).sort()], [[], ["at", "other"]]);
    });
  }
});

/** Exchanges two names, again and again, as fast as it can: renameat2(2) with RENAME_EXCHANGE. */
const EXCHANGE = `
import ctypes, sys
libc = ctypes.CDLL(None)
a, b = (path.encode() for path in sys.argv[1:3])
print("up", flush=True)
while True: libc.renameat2(-100, a, -100, b, 2)
`;

describe("a race: a directory on the way is exchanged with a link elsewhere, again and again", () => {
  let racer: ChildProcess | undefined;
  afterEach(async () => {
    if (racer === undefined) return;
    racer.kill("SIGKILL");
    await once(racer, "exit");
    racer = undefined;
  });

  const PLACES: readonly (readonly [raced: string, made: string])[] = [
    [".config", ".config/opencode/opencode.json"],
    [".config/opencode", ".config/opencode/opencode.json"],
    [".config/opencode/agent", ".config/opencode/agent/review.md"],
    [".local", ".local/share/opencode"],
    [".local/share", ".local/share/opencode"],
  ];
  for (const [raced, made] of PLACES) {
    test(`${raced}: nothing is ever made elsewhere`, async () => {
      // Given
      mkdirSync(inHome(raced), { recursive: true });
      mkdirSync(join(elsewhere(), "opencode"), { recursive: true });
      const before = inside(elsewhere());
      symlinkSync(elsewhere(), inHome("exchanged"));
      racer = spawn("python3", ["-c", EXCHANGE, inHome(raced), inHome("exchanged")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      if (racer.stdout !== null) await once(racer.stdout, "data");
      // When
      let refused = 0;
      let done = 0;
      for (let round = 0; round < 20_000 && (refused < 50 || done < 50); round++) {
        try {
          if (made.endsWith("opencode")) ensureDirectory(home(), inHome(made));
          else ensureLink(home(), inHome(made), `/config/${round}`);
          ensureFile(home(), join(dirname(inHome(made)), ".gitignore"), "");
          done++;
        } catch (error) {
          assert.ok(error instanceof Failure, String(error));
          refused++;
        }
        // Then
        assert.deepEqual(inside(elsewhere()), before);
      }
      assert.ok(refused > 0 && done > 0, `${refused} refused, ${done} done`);
    });
  }
});
