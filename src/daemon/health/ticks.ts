/** Waiting together: many that wait for about as long wake this process once, by one timer, and cost a fraction of as many timers. */

/** Waits of less than this are exact. */
const EXACT_MS = 2000;
/** Looks at ready servers fall together so often: each wake-up of the process costs more than a look. */
export const TICK_MS = 1000;

/**
 * @param tickMs longer waits end at the next multiple of this
 * @returns a wait of so many milliseconds, which does not keep the process alive
 */
export function ticks(tickMs: number): (milliseconds: number) => Promise<void> {
  const waiting = new Map<number, (() => void)[]>();
  let timer: NodeJS.Timeout | null = null;
  const tick = (): void => {
    const now = Math.floor(performance.now() / tickMs);
    for (const [when, resumes] of waiting) {
      if (when > now) continue;
      waiting.delete(when);
      for (const resume of resumes) resume();
    }
    if (waiting.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
  return (milliseconds) =>
    new Promise((resolve) => {
      if (milliseconds < EXACT_MS) return void setTimeout(resolve, milliseconds).unref();
      const when = Math.ceil((performance.now() + milliseconds) / tickMs);
      const resumes = waiting.get(when);
      if (resumes === undefined) waiting.set(when, [() => resolve()]);
      else resumes.push(() => resolve());
      timer ??= setInterval(tick, tickMs).unref();
    });
}
