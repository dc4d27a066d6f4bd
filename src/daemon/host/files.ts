/** Small files of the supervisor's own, in directories only root writes: made whole or not at all, touched only when they differ. */
import { randomBytes } from "node:crypto";
import { chmod, chown, lstat, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface FileMode {
  readonly mode: number;
  /** Group that may read it; root's when left out. */
  readonly gid?: number | undefined;
}

/** Write `content` unless the file is so already; says whether it wrote. Readers see the old file or the new one. */
export async function writeIfChanged(path: string, content: string, { mode, gid }: FileMode): Promise<boolean> {
  if ((await readText(path)) === content && (await isAs(path, { mode, gid }))) return false;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    await file.chown(0, gid ?? 0);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return true;
}

/** Whether the file is a plain one with this mode and group. */
async function isAs(path: string, { mode, gid }: FileMode): Promise<boolean> {
  const found = await lstat(path);
  return found.isFile() && (found.mode & 0o7777) === mode && (gid === undefined || found.gid === gid);
}

/** The file's text, or null when there is none. */
export async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Make a directory of root's with exactly this mode, whatever the umask; its parents are root's and stay as they are. */
export async function ensureDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await chown(path, 0, 0);
  await chmod(path, mode);
}

/**
 * Make an empty file at `path` below `root`, and what is missing above it, for something to be mounted on; only root writes
 * there.
 */
export async function makeMountPoint(root: string, path: string): Promise<void> {
  let at = root;
  for (const name of dirname(path)
    .split("/")
    .filter((part) => part !== "")) {
    at = join(at, name);
    const isNew = await mkdir(at).then(
      () => true,
      (error: unknown) => unlessThere(error, false),
    );
    if (isNew) await chmod(at, 0o755); // whatever the umask
  }
  await writeFile(join(root, path), "", { flag: "wx", mode: 0 }).catch((error: unknown) =>
    unlessThere(error, undefined),
  );
}

function unlessThere<T>(error: unknown, value: T): T {
  if (error instanceof Error && "code" in error && error.code === "EEXIST") return value;
  throw error;
}

/** Remove a file or a directory with all in it; nothing happens when it is not there. */
export const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
