/**
 * Small files of the supervisor's own, in directories only root writes: made whole or not at all, touched only when they differ.
 * Nothing here waits for a disk or for somebody else, and a promise for each costs more than all the calls.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface FileMode {
  readonly mode: number;
  /** Group that may read it; root's when left out. */
  readonly gid?: number | undefined;
}

/** Write `content` unless the file is so already; says whether it wrote. Readers see the old file or the new one. */
export function writeIfChanged(path: string, content: string | Uint8Array, { mode, gid }: FileMode): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  else if (isAs(found, { mode, gid }) && readFileSync(path).equals(Buffer.from(content))) return false;
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  const file = openSync(temporary, "wx", mode);
  try {
    writeFileSync(file, content);
    fchmodSync(file, mode);
    fchownSync(file, 0, gid ?? 0);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  return true;
}

/** Whether the file is a plain one with this mode and group. */
function isAs(found: Stats, { mode, gid }: FileMode): boolean {
  return found.isFile() && (found.mode & 0o7777) === mode && (gid === undefined || found.gid === gid);
}

/** The file's text, or null when there is none. */
export function readText(path: string): string | null {
  if (!existsSync(path)) return null; // sooner known than by an error
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Make a directory of root's with exactly this mode, whatever the umask; its parents are root's and stay as they are. */
export function ensureDirectory(path: string, mode: number): void {
  mkdirSync(path, { recursive: true });
  chownSync(path, 0, 0);
  chmodSync(path, mode);
}

/**
 * Make an empty file at `path` below `root`, and what is missing above it, for something to be mounted on; only root writes
 * there.
 */
export function makeMountPoint(root: string, path: string): void {
  let at = root;
  for (const name of dirname(path)
    .split("/")
    .filter((part) => part !== "")) {
    at = join(at, name);
    if (unlessThere(() => mkdirSync(at))) chmodSync(at, 0o755); // whatever the umask
  }
  unlessThere(() => writeFileSync(join(root, path), "", { flag: "wx", mode: 0 }));
}

/** Whether it was made, and not there before. */
function unlessThere(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Remove a file or a directory with all in it; nothing happens when it is not there. */
export const remove = (path: string): void => rmSync(path, { recursive: true, force: true });

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
