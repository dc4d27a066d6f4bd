/** Bounded concurrency in which a slow one cannot hold up the others: after a while it goes on without a slot. */

export interface LimiterOptions {
  /** How many run at once. */
  readonly slots: number;
  /** Milliseconds after which a run gives its slot up (and goes on). */
  readonly giveUpMs: number;
}

export function limiter({ slots, giveUpMs }: LimiterOptions): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let free = slots;

  const release = () => {
    const next = queue.shift();
    if (next === undefined) free++;
    else next();
  };
  const acquire = async () => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => queue.push(resolve));
  };

  return async (work) => {
    await acquire();
    let held = true;
    const giveUp = () => {
      if (held) release();
      held = false;
    };
    const timer = setTimeout(giveUp, giveUpMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      giveUp();
    }
  };
}
