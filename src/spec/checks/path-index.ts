/** Which of many paths are equal to, above or below a given one, without comparing each with each. */

/** `/` and every directory above `path`, nearest first. */
export function* ancestors(path: string): Generator<string> {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) yield path.slice(0, end);
  if (path !== "/") yield "/";
}

/** Whether `path` lies below `top`, not being it. */
export const isBelow = (path: string, top: string): boolean =>
  path !== top && path.startsWith(top === "/" ? top : `${top}/`);

/** Whether one path is the other or lies below it. */
export const overlaps = (a: string, b: string): boolean => a === b || isBelow(a, b) || isBelow(b, a);

/** Entries by path. Each question takes at most `limit` entries of those that `keep` agrees to. */
export class PathIndex<T extends { readonly path: string }> {
  readonly #at: Map<string, T[]>;
  readonly #sorted: readonly string[];

  constructor(entries: readonly T[]) {
    this.#at = Map.groupBy(entries, ({ path }) => path);
    this.#sorted = [...this.#at.keys()].sort();
  }

  at(path: string, limit: number, keep: (entry: T) => boolean): T[] {
    return this.#take([], path, limit, keep);
  }

  /** On the directories above `path`, nearest first. */
  above(path: string, limit: number, keep: (entry: T) => boolean): T[] {
    const found: T[] = [];
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      this.#take(found, path.slice(0, end), limit, keep);
    }
    return path === "/" ? found : this.#take(found, "/", limit, keep);
  }

  /** Below `path`, in the order of the paths. */
  below(path: string, limit: number, keep: (entry: T) => boolean): T[] {
    const prefix = path === "/" ? path : `${path}/`;
    const found: T[] = [];
    for (let i = this.#firstFrom(prefix); i < this.#sorted.length && found.length < limit; i++) {
      const next = this.#sorted[i] ?? "";
      if (!next.startsWith(prefix)) break;
      if (next !== path) this.#take(found, next, limit, keep);
    }
    return found;
  }

  #take(found: T[], path: string, limit: number, keep: (entry: T) => boolean): T[] {
    for (const entry of this.#at.get(path) ?? []) {
      if (found.length >= limit) break;
      if (keep(entry)) found.push(entry);
    }
    return found;
  }

  /** Index of the first path that is not before `from` in code unit order, in which all that starts alike stands together. */
  #firstFrom(from: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? "") < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
