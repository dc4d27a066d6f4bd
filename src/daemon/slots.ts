/** So many at once and no more; who waits is served in order. */
export interface Slots {
  /** Resolves when there is a slot; {@link release} gives it back. */
  acquire(): Promise<void>;
  release(): void;
}

export function slots(count: number): Slots {
  const queue: (() => void)[] = [];
  let free = count;
  return {
    acquire: async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => queue.push(resolve));
    },
    release: () => {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    },
  };
}
