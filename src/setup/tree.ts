/** What setup makes in HOME. Nothing is followed and nothing but a link is replaced. */
import { lstatSync, mkdirSync, readlinkSync, renameSync, type Stats, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EXIT } from "./exit.ts";
import { Failure, failureOf } from "./failure.ts";

/** What a file that is in the way is called. */
function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return "a symbolic link";
  if (found.isDirectory()) return "a directory";
  if (found.isFIFO()) return "a FIFO";
  if (found.isSocket()) return "a socket";
  return found.isFile() ? "a file" : "a device";
}

const inTheWay = (path: string, found: Stats, wanted: string): Failure =>
  new Failure(
    EXIT.cannotCreate,
    `${path} is ${kindOf(found)} where ${wanted} has to be`,
    `move it away, or remove it: rm -r ${path}`,
  );

/** lstat(2); null when there is nothing. */
const look = (path: string): Stats | null => lstatSync(path, { throwIfNoEntry: false }) ?? null;

/** The directories below `home` down to `path`, each a real one, made (0700) when missing. */
export function ensureDirectory(home: string, path: string): void {
  if (path === home) return;
  ensureDirectory(home, dirname(path));
  try {
    const found = look(path);
    if (found === null) mkdirSync(path, { mode: 0o700 });
    else if (!found.isDirectory()) throw inTheWay(path, found, "a directory");
  } catch (error) {
    throw failureOf(error, "make directory", path);
  }
}

/** Puts what `make` makes at a name of its own in place of `path`, in one step. */
function replace(path: string, make: (beside: string) => void): void {
  const beside = join(dirname(path), `.setup-${process.hrtime.bigint()}`);
  make(beside);
  renameSync(beside, path);
}

/** `path` below `home` as a link to `target`: unchanged when it is one already. */
export function ensureLink(home: string, path: string, target: string): void {
  ensureDirectory(home, dirname(path));
  try {
    const found = look(path);
    if (found !== null && !found.isSymbolicLink()) throw inTheWay(path, found, `the link to ${target}`);
    if (found !== null && readlinkSync(path) === target) return;
    replace(path, (beside) => symlinkSync(target, beside));
  } catch (error) {
    throw failureOf(error, "make link", path);
  }
}

/** `path` below `home` as a file: one that is there stays as it is. */
export function ensureFile(home: string, path: string, content: string): void {
  ensureDirectory(home, dirname(path));
  try {
    const found = look(path);
    if (found?.isFile()) return;
    if (found !== null && !found.isSymbolicLink()) throw inTheWay(path, found, "a file");
    replace(path, (beside) => writeFileSync(beside, content, { mode: 0o600, flag: "wx" }));
  } catch (error) {
    throw failureOf(error, "write", path);
  }
}
