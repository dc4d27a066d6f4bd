/** Reads the instance file: bounded, never waiting for a writer, and only as a whole. What it says: `src/spec/parse.ts`. */
import type { BigIntStats } from "node:fs";
import { constants, type FileHandle, open, stat } from "node:fs/promises";
import { MAX_BYTES } from "../spec/parse.ts";
import { type Problem, ProblemError } from "../spec/problem.ts";

/** How often a file that changes under the reader is read again before giving up. */
const ATTEMPTS = 5;
const CHUNK = 64 * 1024;

/** Lets a test do something at a known moment. */
export interface ReadHooks {
  /** Runs between reading and making sure that what was read is still the file. */
  readonly beforeCheck?: (attempt: number) => Promise<void>;
}

const problem = (what: string, fix: string): Problem => ({ instance: null, field: "", what, fix });

const REFUSALS: Readonly<Record<string, (path: string) => Problem>> = {
  ENOENT: (path) => problem(`${path} does not exist`, "write the instance file there"),
  EACCES: (path) => problem(`${path} cannot be read: permission denied`, "run this as root, or let this user read it"),
  ENOTDIR: (path) => problem(`${path} does not exist: what should be a directory above it is none`, "mend the path"),
  ELOOP: (path) => problem(`${path} is a symbolic link that leads back to itself`, "link it to a file"),
};

function refused(path: string, error: unknown): ProblemError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = REFUSALS[code]?.(path);
  return new ProblemError(known ?? problem(`${path} cannot be read: ${String(error)}`, "write a plain file there"), {
    cause: error,
  });
}

/** All of the file, up to one byte more than a file may have, so that too large a one shows. */
async function readBounded(handle: FileHandle): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let size = 0; size <= MAX_BYTES; ) {
    const chunk = new Uint8Array(Math.min(CHUNK, MAX_BYTES + 1 - size));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, size);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    size += bytesRead;
  }
  return Buffer.concat(chunks);
}

const isSame = (a: BigIntStats, b: BigIntStats): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;

/** One look at the file; null when it was changed or replaced meanwhile. */
async function readOnce(path: string, beforeCheck: () => Promise<void>): Promise<Uint8Array | null> {
  // O_NONBLOCK: opening a FIFO must not wait for a writer (open(2)).
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw new ProblemError(problem(`${path} is not a regular file`, "write a plain file there"));
    const bytes = await readBounded(handle);
    await beforeCheck();
    return isSame(before, await stat(path, { bigint: true })) ? bytes : null;
  } finally {
    await handle.close();
  }
}

/**
 * Reads the instance file at `path`, following symbolic links.
 * @returns at most `MAX_BYTES + 1` bytes
 * @throws {ProblemError} when it is missing, unreadable, not a regular file, or does not keep still
 */
export async function readInstanceFile(path: string, { beforeCheck }: ReadHooks = {}): Promise<Uint8Array> {
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const bytes = await readOnce(path, async () => beforeCheck?.(attempt));
      if (bytes !== null) return bytes;
    }
  } catch (error) {
    throw error instanceof ProblemError ? error : refused(path, error);
  }
  const what = `${path} keeps changing while it is read`;
  throw new ProblemError(problem(what, "write a new file beside it and rename it into place"));
}
