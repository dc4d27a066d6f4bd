import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MAX_BYTES } from "../spec/parse.ts";
import { ProblemError } from "../spec/problem.ts";
import { readInstanceFile } from "./instance-file.ts";

const isRefused =
  (what: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ProblemError);
    assert.match(error.problem.what, what);
    assert.notEqual(error.problem.fix, "");
    return true;
  };

describe("reading the instance file", () => {
  let dir = "";
  const at = (name: string): string => join(dir, name);
  const read = async (name: string): Promise<string> => Buffer.from(await readInstanceFile(at(name))).toString();
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "instance-file-"));
  });
  after(() => rm(dir, { recursive: true }));

  test("gives its bytes, through a symbolic link too", async () => {
    await writeFile(at("plain"), "x".repeat(200_000));
    await symlink("plain", at("link"));
    assert.equal((await read("link")).length, 200_000);
  });

  test("refuses what is not there, not a file, or leads in a circle", async () => {
    await mkdir(at("directory"));
    await writeFile(at("file"), "");
    await symlink("loop", at("loop"));
    await assert.rejects(read("missing"), isRefused(/missing does not exist$/));
    await assert.rejects(read("file/x"), isRefused(/does not exist: what should be a directory/));
    await assert.rejects(read("directory"), isRefused(/directory is not a regular file$/));
    await assert.rejects(read("loop"), isRefused(/leads back to itself$/));
    await assert.rejects(readInstanceFile("/dev/zero"), isRefused(/is not a regular file$/));
    await assert.rejects(readInstanceFile("\0"), isRefused(/cannot be read/));
  });

  test("does not wait for the writer of a FIFO", async () => {
    execFileSync("mkfifo", [at("fifo")]);
    await assert.rejects(read("fifo"), isRefused(/fifo is not a regular file$/));
  });

  test("reads one byte more than is allowed, and no more", async () => {
    await writeFile(at("huge"), "");
    await truncate(at("huge"), 10 * MAX_BYTES);
    assert.equal((await readInstanceFile(at("huge"))).length, MAX_BYTES + 1);
  });

  test("a file replaced while it is read is read again", async () => {
    await writeFile(at("replaced"), "old");
    const beforeCheck = async (attempt: number): Promise<void> => {
      if (attempt > 1) return;
      await writeFile(at("new"), "new");
      await rename(at("new"), at("replaced"));
    };
    assert.equal(Buffer.from(await readInstanceFile(at("replaced"), { beforeCheck })).toString(), "new");
  });

  test("a file written on while it is read is read again", async () => {
    await writeFile(at("grown"), "one");
    const beforeCheck = async (attempt: number): Promise<void> => {
      if (attempt === 1) await appendFile(at("grown"), " two");
    };
    assert.equal(Buffer.from(await readInstanceFile(at("grown"), { beforeCheck })).toString(), "one two");
  });

  test("a file that never keeps still is refused", async () => {
    await writeFile(at("restless"), "");
    const attempts: number[] = [];
    const beforeCheck = async (attempt: number): Promise<void> => {
      attempts.push(attempt);
      await appendFile(at("restless"), "x");
    };
    await assert.rejects(
      readInstanceFile(at("restless"), { beforeCheck }),
      isRefused(/keeps changing while it is read$/),
    );
    assert.deepEqual(attempts, [1, 2, 3, 4, 5]);
  });

  test("a file removed while it is read is missing", async () => {
    await writeFile(at("removed"), "x");
    const beforeCheck = (): Promise<void> => rm(at("removed"));
    await assert.rejects(readInstanceFile(at("removed"), { beforeCheck }), isRefused(/removed does not exist$/));
  });
});
