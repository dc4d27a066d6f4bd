/**
 * What setup makes in HOME. Nothing is followed and nothing but a link is replaced, also when somebody of the same user
 * changes the tree meanwhile: each directory is opened in the one above it, without following, and worked in by its
 * descriptor. Node has no openat(2); `/proc/self/fd/N/name` is the same.
 */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { EXIT } from "./exit.ts";
import { Failure, failureOf, isErrno } from "./failure.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

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

/** A name in an open directory. `shown` is what messages call it. */
interface Place {
  readonly path: string;
  readonly shown: string;
}
/** An open directory. */
interface Opened {
  readonly fd: number;
  readonly shown: string;
}

const at = ({ fd, shown }: Opened, name: string): Place => ({
  path: `/proc/self/fd/${fd}/${name}`,
  shown: join(shown, name),
});

/** lstat(2); null when there is nothing. */
const look = ({ path }: Place): Stats | null => lstatSync(path, { throwIfNoEntry: false }) ?? null;

/** Opens a real directory, or says what stands in its place; null when there is nothing. */
function openDirectory(place: Place): number | null {
  try {
    return openSync(place.path, DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    const found = isErrno(error, "ENOTDIR", "ELOOP") ? look(place) : null;
    throw found === null ? error : inTheWay(place.shown, found, "a directory");
  }
}

/** The directory `name` in `above`, made (0700) when missing. `above` is closed. */
function enter(above: Opened, name: string): Opened {
  const place = at(above, name);
  try {
    let fd = openDirectory(place);
    if (fd === null) {
      mkdirSync(place.path, { mode: 0o700 });
      fd = openDirectory(place);
    }
    if (fd === null) throw new Failure(EXIT.cannotCreate, `${place.shown} is taken away again`, "stop who does that");
    return { fd, shown: place.shown };
  } catch (error) {
    throw failureOf(error, "make directory", place.shown);
  } finally {
    closeSync(above.fd);
  }
}

/** Works in the directory `path` below `home`, with every directory on the way made when missing. */
function within<T>(home: string, path: string, work: (directory: Opened) => T): T {
  const names = relative(home, path)
    .split("/")
    .filter((name) => name !== "");
  let directory: Opened = { fd: openSync(home, DIRECTORY), shown: home };
  for (const name of names) directory = enter(directory, name);
  try {
    return work(directory);
  } finally {
    closeSync(directory.fd);
  }
}

/** The directories below `home` down to `path`, each a real one, made (0700) when missing. */
export const ensureDirectory = (home: string, path: string): void => within(home, path, () => undefined);

/** Puts what `make` makes at a name of its own in place of `name`, in one step. */
function replace(directory: Opened, name: string, make: (path: string) => void): void {
  const beside = at(directory, `.setup-${process.hrtime.bigint()}`);
  make(beside.path);
  try {
    renameSync(beside.path, at(directory, name).path);
  } catch (error) {
    unlinkSync(beside.path);
    throw error;
  }
}

/** Works on the name `path` below `home`, and says what could not be done with it. */
function on(home: string, path: string, doing: string, work: (directory: Opened, name: string, place: Place) => void) {
  within(home, join(path, ".."), (directory) => {
    const name = relative(join(path, ".."), path);
    try {
      work(directory, name, at(directory, name));
    } catch (error) {
      throw failureOf(error, doing, path);
    }
  });
}

/** `path` below `home` as a link to `target`: unchanged when it is one already. */
export function ensureLink(home: string, path: string, target: string): void {
  on(home, path, "make link", (directory, name, place) => {
    const found = look(place);
    if (found !== null && !found.isSymbolicLink()) throw inTheWay(path, found, `the link to ${target}`);
    if (found !== null && readlinkSync(place.path) === target) return;
    if (found === null) symlinkSync(target, place.path);
    else replace(directory, name, (beside) => symlinkSync(target, beside));
  });
}

/** `path` below `home` as a file: one that is there stays as it is. */
export function ensureFile(home: string, path: string, content: string): void {
  on(home, path, "write", (directory, name, place) => {
    const found = look(place);
    if (found?.isFile()) return;
    if (found !== null && !found.isSymbolicLink()) throw inTheWay(path, found, "a file");
    replace(directory, name, (beside) => writeFileSync(beside, content, { mode: 0o600, flag: "wx" }));
  });
}
