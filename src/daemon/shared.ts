import { setTimeout as delay } from "node:timers/promises";

/**
 * One run of `work` for all who ask together. Who asks while one is under way gets the answer of the next: never of one
 * that began before they asked.
 * @param pauseMs what costs much is left alone for so many milliseconds after each run
 */
export function shared<T>(work: () => Promise<T>, pauseMs = 0): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  return () => {
    next ??= last.then(() => {
      next = null;
      return work();
    });
    last = next
      .catch(() => undefined)
      .then(() => (pauseMs === 0 ? undefined : delay(pauseMs, undefined, { ref: false })));
    return next;
  };
}
