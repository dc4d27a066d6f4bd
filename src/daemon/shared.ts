/**
 * One run of `work` for all who ask together. Who asks while one is under way gets the answer of the next: never of one
 * that began before they asked.
 */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  return () => {
    next ??= last.then(() => {
      next = null;
      return work();
    });
    last = next.catch(() => undefined);
    return next;
  };
}
