/**
 * Reads what was refused, and only when something was: the kernel says so by itself, at most twice a second. After that it
 * is read every second for as long as the counters move, so that what came right after the kernel's word is read as well.
 */
import type { Netfilter } from "../netfilter/port.ts";
import type { Ledger, Reading } from "./ledger.ts";

type Counts = Pick<Netfilter, "features" | "refused" | "destinations">;

/** `isFirst`: what was counted before the daemon began to read; an earlier one may have told of it. */
type Heard = (name: string, reading: Reading, isFirst: boolean) => void;

const EVERY_MS = 1000;

export class RefusedWatch {
  readonly #counts: Counts;
  readonly #ledger: Ledger;
  readonly #heard: Heard;
  #timer: NodeJS.Timeout | null = null;
  #isReading = false;
  #isFirst = true;
  #isClosed = false;

  constructor(counts: Counts, ledger: Ledger, heard: Heard) {
    this.#counts = counts;
    this.#ledger = ledger;
    this.#heard = heard;
  }

  /** Something was refused, or may have been: read it now, unless it is about to be read. */
  async told(): Promise<void> {
    if (this.#timer === null && !this.#isReading) await this.#read();
  }

  /** Read what there is, however it came there. */
  async #read(): Promise<void> {
    this.#isReading = true;
    let moved = false;
    try {
      for (const [name, total] of await this.#counts.refused()) {
        if (!this.#ledger.isNews(name, total)) continue;
        moved = true;
        const found = await this.#counts.destinations(name);
        this.#heard(name, this.#ledger.take(name, total, found, Date.now()), this.#isFirst);
      }
      this.#isFirst = false;
    } finally {
      this.#isReading = false;
      if (moved || !this.#counts.features.tells) this.#again();
    }
  }

  #again(): void {
    if (this.#isClosed || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#read().catch(() => this.#again()); // the table is being made anew
    }, EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
