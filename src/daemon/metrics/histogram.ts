/** How long something took, counted by upper bounds: what Prometheus calls a histogram. Seconds. */
export class Histogram {
  /** Upper bounds, ascending; one more bucket takes the rest. */
  readonly bounds: readonly number[];
  readonly counts: number[];
  #sum = 0;
  #errors = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = [...bounds.map(() => 0), 0];
  }

  get sum(): number {
    return this.#sum;
  }
  /** How often it failed; counted beside, failures are in the buckets too. */
  get errors(): number {
    return this.#errors;
  }

  observe(seconds: number, isGood = true): void {
    let bucket = 0; // nothing is made for it: it is called for every look at every server
    while (bucket < this.bounds.length && seconds > (this.bounds[bucket] ?? 0)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.#sum += seconds;
    if (!isGood) this.#errors++;
  }

  /** Runs `work` and takes its time, also when it fails. */
  async time<T>(work: () => Promise<T>, isGood: (result: T) => boolean = () => true): Promise<T> {
    const began = performance.now();
    const took = (): number => (performance.now() - began) / 1000;
    try {
      const result = await work();
      this.observe(took(), isGood(result));
      return result;
    } catch (error) {
      this.observe(took(), false);
      throw error;
    }
  }
}

/** What the daemon times. */
export interface Timings {
  /** Taking the file in, until every policy is settled. */
  readonly reconcile: Histogram;
  /** Asking a server whether it is ready. */
  readonly probe: Histogram;
  /** From the start of a server to its first good answer. */
  readonly ready: Histogram;
  /** Looking whether a server that was ready still is well; all servers together. */
  readonly look: Histogram;
}
export const timings = (): Timings => ({
  reconcile: new Histogram([0.005, 0.02, 0.1, 0.5, 2, 10, 30]),
  probe: new Histogram([0.005, 0.02, 0.1, 0.5, 2, 10]),
  ready: new Histogram([0.5, 1, 2, 3, 5, 10, 20, 60]),
  look: new Histogram([0.002, 0.005, 0.02, 0.1, 0.5, 2, 5, 20]),
});
