/**
 * The way to a path: each name that is looked up for it, in which directory, and what is there. From it follows which
 * directories to watch to notice that the path leads elsewhere, and who has it in hand where it leads to.
 */
import type { BigIntStats } from "node:fs";
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What is there, links not followed. */
export interface Found {
  readonly kind: "directory" | "link" | "socket" | "other";
  readonly uid: number;
  /** Permission bits, stat(2). */
  readonly mode: number;
  /** Device and inode. */
  readonly id: string;
}

/** In place of a name: whichever there is. */
export const ANY = "";

/** One look-up: a name in a directory. `found` is null when there is nothing of that name; the way ends there. */
export interface Turn {
  readonly directory: string;
  readonly inside: Found;
  readonly name: string;
  readonly found: Found | null;
}

const kindOf = (stats: BigIntStats): Found["kind"] => {
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "link";
  return stats.isSocket() ? "socket" : "other";
};

/** What is at a path; null for nothing. */
export async function foundAt(path: string): Promise<Found | null> {
  const stats = await lstat(path, { bigint: true }).catch(() => null);
  if (stats === null) return null;
  const { uid, mode, dev, ino } = stats;
  return { kind: kindOf(stats), uid: Number(uid), mode: Number(mode) & 0o7777, id: `${dev}:${ino}` };
}

const OTHERS_LIST = 0o005;
/** As many links as the kernel follows (path_resolution(7)). */
const LINKS_MOST = 40;
const namesOf = (path: string): string[] => path.split("/").filter((name) => name !== "" && name !== ".");

/** The way to an absolute path, its links followed, as far as it goes; at its end what the path leads to, or nothing. */
export async function wayTo(path: string): Promise<readonly Turn[]> {
  const way: Turn[] = [];
  const ahead = namesOf(path);
  let at = "/";
  for (let links = 0; links <= LINKS_MOST; ) {
    const name = ahead.shift();
    if (name === undefined) return way;
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const inside = await foundAt(at);
    if (inside?.kind !== "directory") return way;
    const here = join(at, name);
    const found = await foundAt(here);
    way.push({ directory: at, inside, name, found });
    if (found === null) return way;
    if (found.kind !== "link") {
      at = here;
      continue;
    }
    links += 1;
    const target = await readlink(here).catch(() => "");
    ahead.unshift(...namesOf(target));
    if (target.startsWith("/")) at = "/";
  }
  return way;
}

/** Whichever is looked up in a directory that everybody may list, and in those below it; nothing for what is no directory. */
export async function allBelow(path: string): Promise<readonly Turn[]> {
  const directory = await realpath(path).catch(() => path);
  const inside = await foundAt(directory);
  if (inside?.kind !== "directory" || (inside.mode & OTHERS_LIST) !== OTHERS_LIST) return [];
  const names = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const further = names.filter((name) => name.isDirectory()).map(({ name }) => allBelow(join(directory, name)));
  return [{ directory, inside, name: ANY, found: null }, ...(await Promise.all(further)).flat()];
}

const OTHERS_WRITE = 0o002;
const NOT_ONLY_OWNER = 0o022;
const ROOT = 0;

/**
 * Why what is at the end of the way is not to be believed; null when it is. Whoever can write a directory on the way decides what
 * is there: that is root, or whose the socket is (a directory of its server's own), and never everybody. A link is followed
 * where only root could put it.
 */
export function distrusted(way: readonly Turn[]): string | null {
  const open = way.find(({ inside }) => (inside.mode & OTHERS_WRITE) !== 0);
  if (open !== undefined) return `everybody can write ${open.directory}, and so put something else there`;
  const link = way.find(
    ({ inside, found }) => found?.kind === "link" && (inside.uid !== ROOT || (inside.mode & NOT_ONLY_OWNER) !== 0),
  );
  return link === undefined
    ? null
    : `${join(link.directory, link.name)} is a link, and others than root could put it there`;
}

/** What is at a path where a socket is to be. `id` is that of the inode. */
export type SocketPlace =
  | { readonly kind: "socket"; readonly id: string }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly why: string };

/** What is at the end of the way, for `sandbox.unixSockets.allow`. */
export function socketPlace(way: readonly Turn[]): SocketPlace {
  const why = distrusted(way);
  if (why !== null) return { kind: "refused", why };
  const last = way.at(-1);
  if (last === undefined || last.found === null) return { kind: "absent" };
  if (last.found.kind === "socket") return { kind: "socket", id: last.found.id };
  return { kind: "refused", why: `${join(last.directory, last.name)} is not a socket` };
}
