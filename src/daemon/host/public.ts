/** What everybody may read of a file or a directory of the host's, as entries for somewhere else. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isWithin } from "../../spec/names.ts";
import type { Entry } from "./entries.ts";

/** A list of hosts to block has some megabytes; what has more is no such file. */
const BYTES_MOST = 16 << 20;
/** Certificates have a few megabytes. */
const ALL_BYTES_MOST = 64 << 20;
const EVERYBODY_READS = 0o004;
const EVERYBODY_RUNS = 0o001;
const EVERYBODY_LISTS = EVERYBODY_READS | EVERYBODY_RUNS;

type At = readonly [path: string, entry: Entry];

/**
 * What is to be found at `path`, and below it if it is a directory: only a link where the host's leads to what is `bound`, and
 * there at its own place; nothing of what is missing, closed, or neither file nor directory.
 * @throws Error when that is more than is to be copied
 */
export function publicEntries(path: string, bound: readonly string[]): readonly At[] {
  const real = orNull(() => realpathSync(path));
  if (real === null) return [];
  if (real !== path && bound.some((above) => isWithin(real, above))) return [[path, { link: real }]];
  const isDirectory = orNull(() => statSync(real).isDirectory()) ?? false;
  const found: At[] = [];
  let bytes = 0;
  for (const [at, entry] of isDirectory ? below(real, real) : fileAt(real)) {
    bytes += typeof entry === "object" && "content" in entry ? entry.content.length : 0;
    if (bytes > ALL_BYTES_MOST)
      throw new Error(`${path} holds more than 64 MiB that everybody may read: it is not copied`);
    found.push([`${path}${at.slice(real.length)}`, entry]);
  }
  return found;
}

function* below(directory: string, top: string): Generator<At> {
  const isPublic = orNull(() => (statSync(directory).mode & EVERYBODY_LISTS) === EVERYBODY_LISTS);
  if (isPublic !== true) return;
  for (const found of orNull(() => readdirSync(directory, { withFileTypes: true })) ?? []) {
    const path = join(directory, found.name);
    if (found.isDirectory()) yield* below(path, top);
    else if (found.isSymbolicLink()) yield* linkAt(path, top);
    else yield* fileAt(path);
  }
}

/** A link that leads from somewhere else to where it led: one out of `top` is absolute. */
function linkAt(path: string, top: string): At[] {
  const link = orNull(() => readlinkSync(path));
  if (link === null) return [];
  const whole = resolve(dirname(path), link);
  return [[path, { link: isWithin(whole, top) ? link : whole }]];
}

/** Does not wait at a FIFO. */
function fileAt(path: string): At[] {
  const file = orNull(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (file === null) return [];
  try {
    const found = fstatSync(file);
    const { mode, size } = found;
    if (!found.isFile() || (mode & EVERYBODY_READS) === 0 || size > BYTES_MOST) return [];
    return [[path, { content: readFileSync(file), mode: (mode & EVERYBODY_RUNS) === 0 ? 0o644 : 0o755 }]];
  } finally {
    closeSync(file);
  }
}

/** Not there, or no more (whoever watches is told of it); a link that leads to itself; a socket; or closed to us. */
const NOT_TO_BE_READ = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EACCES"]);

function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && "code" in error && NOT_TO_BE_READ.has(String(error.code))) return null;
    throw error;
  }
}
