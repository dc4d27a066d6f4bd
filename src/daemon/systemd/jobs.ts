/** Waiting for systemd's jobs: `StartUnit` and the like answer with a job, `JobRemoved` says how it ended. */
import type { JobResult } from "./port.ts";

interface Waiting {
  resolve(result: JobResult): void;
  reject(error: Error): void;
}

/** How many early results are kept for calls whose reply has not arrived yet. */
const EARLY_MAX = 4096;

export class JobWaiter {
  /** By job: systemd answers a second start of a unit with the job that is already queued. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** Results heard before the reply that names the job was seen, while a call is under way. */
  readonly #early = new Map<string, JobResult>();
  #calls = 0;

  /** Make the call that answers with a job's object path, and wait until that job is gone. */
  async run(call: () => Promise<unknown>): Promise<JobResult> {
    this.#calls++;
    let job: string;
    try {
      job = String(await call());
    } finally {
      this.#calls--;
    }
    const early = this.#early.get(job);
    if (this.#calls === 0) this.#early.clear();
    if (early !== undefined) return early;
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, [...(this.#waiting.get(job) ?? []), { resolve, reject }]);
    });
  }

  /** The jobs that somebody waits for. */
  waiting(): string[] {
    return [...this.#waiting.keys()];
  }

  /** A job ended. */
  removed(job: string, result: JobResult): void {
    const waiting = this.#waiting.get(job);
    if (waiting !== undefined) {
      this.#waiting.delete(job);
      for (const one of waiting) one.resolve(result);
    } else if (this.#calls > 0 && this.#early.size < EARLY_MAX) {
      this.#early.set(job, result);
    }
  }

  /** The connection is gone: nobody will ever hear how these ended. */
  failAll(error: Error): void {
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }
}
