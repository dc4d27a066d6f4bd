/**
 * Links and small files in directories below /run that only root writes; made whole or not at all, touched only when they
 * differ. Without waiting: there is nothing there that could hang, and hundreds are made when all instances start.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** A link, or a file. */
export type Entry = { readonly link: string } | { readonly content: Uint8Array; readonly mode: number };

/** Make `path` this entry, and nothing of it for null. What else stands there goes; a reader finds the old or the new. */
export function place(path: string, entry: Entry | null): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (entry === null || found?.isDirectory() === true) rmSync(path, { recursive: true, force: true });
  else if (found !== undefined && isSame(path, found, entry)) return;
  if (entry === null) return;
  if (found === undefined) makeDirectories(dirname(path));
  if (found === undefined && "link" in entry) {
    symlinkSync(entry.link, path);
    return;
  }
  const next = `${path}.new`;
  rmSync(next, { recursive: true, force: true });
  if ("link" in entry) symlinkSync(entry.link, next);
  else {
    writeFileSync(next, entry.content, { flag: "wx" });
    chmodSync(next, entry.mode); // whatever the umask
  }
  renameSync(next, path);
}

function isSame(path: string, found: Stats, entry: Entry): boolean {
  if ("link" in entry) return found.isSymbolicLink() && readlinkSync(path) === entry.link;
  return found.isFile() && (found.mode & 0o7777) === entry.mode && readFileSync(path).equals(entry.content);
}

/** Make a directory that everybody can enter, whatever the umask, and what is missing above it. */
export function makeDirectories(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) chmodSync(made, 0o755);
}
