/**
 * Noticing that what a path leads to may have changed: each directory on the way to it is watched (inotify(7)), so that a
 * file written or renamed into place, a link above it that is swapped, and directories that come and go are all seen.
 * chokidar, which watches the instance file, knows nothing of sockets, nor of links above a file.
 */
import { type FSWatcher, watch } from "node:fs";
import { isMissing } from "../host/files.ts";
import { ANY, allBelow, type Turn, wayTo } from "./way.ts";

interface Watched {
  readonly watcher: FSWatcher;
  /** Name in the directory → whom to tell. */
  readonly names: Map<string, Set<() => void>>;
}

export interface Following {
  close(): void;
}

/** After so many changes of the way while it is being walked it is left until the next one is heard of. */
const TRIES = 10;

export class Places {
  /** By path and inode: a directory made anew is another one. */
  readonly #directories = new Map<string, Watched>();
  readonly #trouble: (error: unknown) => void;

  /** `trouble` is told why a directory cannot be watched, such as fs.inotify.max_user_watches. */
  constructor(trouble: (error: unknown) => void) {
    this.#trouble = trouble;
  }

  /** How many directories are being watched. */
  get watched(): number {
    return this.#directories.size;
  }

  /**
   * Calls `changed` when what `path` leads to may have changed, and once when the watch stands. `whole`: also when something in
   * the directory that it leads to has; for directories that only root writes.
   */
  follow(path: string, changed: () => void, { whole = false } = {}): Following {
    let held: ReadonlyMap<string, () => void> = new Map();
    let closed = false;
    let stirred = false;
    let walking = false;
    const stir = (): void => {
      stirred = true;
      if (!walking) void walk();
    };
    const walk = async (): Promise<void> => {
      walking = true;
      for (let tries = 0; stirred && tries < TRIES; tries += 1) {
        stirred = false;
        const way = [...(await wayTo(path)), ...(whole ? await allBelow(path) : [])];
        if (closed) return;
        const next = new Map(way.map((turn) => [keyOf(turn), held.get(keyOf(turn)) ?? this.#hold(turn, stir)]));
        // What is watched only now may have changed since it was looked at.
        if ([...next.keys()].some((key) => !held.has(key))) stirred = true;
        for (const [key, release] of held) if (!next.has(key)) release();
        held = next;
      }
      walking = false;
      changed();
    };
    stir();
    return {
      close: () => {
        closed = true;
        for (const release of held.values()) release();
        held = new Map();
      },
    };
  }

  /** Tell `changed` of this name in this directory, until it is released. */
  #hold({ directory, inside, name }: Turn, changed: () => void): () => void {
    const key = `${inside.id}:${directory}`;
    const watched = this.#directories.get(key) ?? this.#watch(key, directory);
    if (watched === null) return () => undefined; // gone since: the directory above says so
    const listeners = watched.names.get(name) ?? new Set();
    watched.names.set(name, listeners.add(changed));
    return () => {
      listeners.delete(changed);
      if (listeners.size === 0) watched.names.delete(name);
      if (watched.names.size > 0 || this.#directories.get(key) !== watched) return;
      this.#directories.delete(key);
      watched.watcher.close();
    };
  }

  #watch(key: string, directory: string): Watched | null {
    try {
      const names: Watched["names"] = new Map();
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        const told = name === null ? [...names.values()] : [names.get(name), names.get(ANY)];
        for (const listener of told.flatMap((listeners) => [...(listeners ?? [])])) listener();
      });
      watcher.on("error", () => undefined);
      const watched = { watcher, names };
      this.#directories.set(key, watched);
      return watched;
    } catch (error) {
      if (!isMissing(error)) this.#trouble(error);
      return null;
    }
  }
}

const keyOf = ({ directory, inside, name }: Turn): string => `${inside.id}:${directory}/${name}`;
