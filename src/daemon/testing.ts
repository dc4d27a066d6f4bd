/** For unit tests: wait for a condition, with a deadline. */
import { setTimeout as delay } from "node:timers/promises";

/** Resolves once `holds()` is true; fails with `what` when it is not within `deadlineMs`. */
export async function until(what: string, holds: () => boolean, deadlineMs = 5000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
    await delay(5);
  }
}
