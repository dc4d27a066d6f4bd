/** Bounded concurrency in which a slow one cannot hold up the others: after a while it goes on without a slot. */
import { slots as slotsOf } from "./slots.ts";

export interface LimiterOptions {
  /** How many run at once. */
  readonly slots: number;
  /** Milliseconds after which a run gives its slot up (and goes on). */
  readonly giveUpMs: number;
}

export function limiter({ slots, giveUpMs }: LimiterOptions): <T>(work: () => Promise<T>) => Promise<T> {
  const { acquire, release } = slotsOf(slots);
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
