import { setTimeout as delay } from "node:timers/promises";

/**
 * One run of `work` for all who ask together. Who asks while one is under way gets the answer of the next: never of one
 * that began before they asked.
 * @param pauseMs what costs much is left alone for so many milliseconds after each run
 */
export function shared<T>(work: () => Promise<T>, pauseMs = 0): () => Promise<T> {
  const rest = () => (pauseMs === 0 ? undefined : delay(pauseMs));
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  return () => {
    if (next !== null) return next;
    next = last.then(() => {
      next = null;
      return work();
    });
    last = next.then(rest, rest);
    return next;
  };
}
