/**
 * Links and small files in directories below /run that only root writes; made whole or not at all, touched only when they
 * differ. Without waiting: there is nothing there that could hang, and hundreds are made when all instances start.
 */
import { chmodSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { writeIfChanged } from "./files.ts";

/** A link, a file, or a directory that something is mounted on. */
export type Entry = { readonly link: string } | { readonly content: Uint8Array; readonly mode: number } | "mount point";

/** Make `path` this entry, and nothing of it for null. What else stands there goes; a reader finds the old or the new. */
export function place(path: string, entry: Entry | null): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const isDirectory = found?.isDirectory() === true;
  if (isDirectory !== (entry === "mount point") || entry === null) rmSync(path, { recursive: true, force: true });
  if (entry === null) return;
  if (entry === "mount point") {
    makeDirectories(path);
    return;
  }
  if (found === undefined) makeDirectories(dirname(path));
  if ("content" in entry) {
    writeIfChanged(path, entry.content, entry);
    return;
  }
  if (found?.isSymbolicLink() === true && readlinkSync(path) === entry.link) return;
  const next = found === undefined ? path : `${path}.new`;
  if (next !== path) rmSync(next, { recursive: true, force: true });
  symlinkSync(entry.link, next);
  if (next !== path) renameSync(next, path);
}

/** Make a directory that everybody can enter, whatever the umask, and what is missing above it. */
export function makeDirectories(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) chmodSync(made, 0o755);
}
