/** Waiting for a condition, never for a time. */
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";

/** Long enough for a busy machine, as a pass does not wait for it. */
export const DEADLINE_MS = 20_000;
export const INTERVAL_MS = 25;

export interface WaitOptions {
  /** Milliseconds until it gives up; default {@link DEADLINE_MS}. */
  readonly deadlineMs?: number;
  /** Milliseconds between two probes; default {@link INTERVAL_MS}. */
  readonly intervalMs?: number;
  /** Why there is nothing more to wait for; asked when the probe has not seen the condition. Default: there always is. */
  readonly over?: () => Error | null;
}

/** Notes what a probe saw, for the message when the condition never comes. */
export type Saw = (what: unknown) => void;

/**
 * Calls `probe` until it resolves to something other than `undefined`, `null` or `false`, and resolves to that. A probe that
 * throws has not seen the condition yet. At the deadline it rejects, saying `description` and what was last seen: the last
 * thing noted through `saw`, else the last error or value.
 */
export async function waitFor<T>(
  description: string,
  probe: (saw: Saw) => T | Promise<T>,
  { deadlineMs = DEADLINE_MS, intervalMs = INTERVAL_MS, over = () => null }: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + deadlineMs;
  const isThere = (value: T): value is Exclude<T, undefined | null | false> =>
    value !== undefined && value !== null && value !== false;
  for (;;) {
    const seen: unknown[] = [];
    let outcome: unknown;
    try {
      const value = await probe((what) => seen.push(what));
      if (isThere(value)) return value;
      outcome = value;
    } catch (error) {
      outcome = error;
    }
    const why = over();
    if (why !== null) throw why;
    if (performance.now() > deadline) {
      const last = seen.length > 0 ? seen.at(-1) : outcome;
      throw new Error(`no ${description} within ${deadlineMs} ms; last seen: ${show(last)}`, { cause: outcome });
    }
    await delay(intervalMs);
  }
}

const show = (what: unknown): string =>
  what instanceof Error ? what.message : typeof what === "string" ? what : inspect(what, { depth: 4 });
