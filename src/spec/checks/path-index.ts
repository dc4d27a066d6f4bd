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

export class PathIndex<T extends { readonly path: string }> {
  readonly #at: Map<string, T[]>;
  readonly #sorted: readonly string[];

  constructor(entries: readonly T[]) {
    this.#at = Map.groupBy(entries, ({ path }) => path);
    this.#sorted = [...this.#at.keys()].sort();
  }

  at(path: string): readonly T[] {
    return this.#at.get(path) ?? [];
  }

  /** The first `limit` entries on the directories above `path`, nearest first. */
  above(path: string, limit: number): readonly T[] {
    const found: T[] = [];
    for (const top of ancestors(path)) {
      if (found.length >= limit) break;
      found.push(...this.at(top).slice(0, limit));
    }
    return found.slice(0, limit);
  }

  /** The first `limit` entries below `path`, in the order of their paths. */
  below(path: string, limit: number): readonly T[] {
    const found: T[] = [];
    for (let i = this.#firstFrom(path === "/" ? path : `${path}/`); i < this.#sorted.length; i++) {
      const next = this.#sorted[i] ?? "";
      if (found.length >= limit || (next !== path && !isBelow(next, path))) break;
      if (next !== path) found.push(...this.at(next).slice(0, limit));
    }
    return found.slice(0, limit);
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
