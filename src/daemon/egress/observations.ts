/** When each instance's policy was last observed at work; whoever is put anew is observed anew. */
import { type CanaryPorts, observe } from "./canary.ts";

/** Instances that are put or start together are observed together. */
const AFTER_MS = 200;

export class Observations {
  readonly #ports: CanaryPorts;
  readonly #unobserved: (name: string) => void;
  /** Milliseconds since the epoch. */
  readonly #seen = new Map<string, number>();
  /** The last time that each was asked for: what an earlier time brings is of an earlier policy. */
  readonly #asked = new Map<string, symbol>();
  readonly #next = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  /** `unobserved`: told of an instance that runs, and whose canary did not come. */
  constructor(ports: CanaryPorts, unobserved: (name: string) => void) {
    this.#ports = ports;
    this.#unobserved = unobserved;
  }

  /** Null until a canary came through the policy that is in force. */
  at(name: string): number | null {
    return this.#seen.get(name) ?? null;
  }

  /** What was observed so far is no longer true; look again soon. */
  again(name: string): void {
    this.#seen.delete(name);
    this.#asked.set(name, Symbol(name));
    this.#next.add(name);
    this.#timer ??= setTimeout(() => void this.#observe().catch(() => undefined), AFTER_MS).unref();
  }

  forget(name: string): void {
    this.#seen.delete(name);
    this.#asked.delete(name);
    this.#next.delete(name);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #observe(): Promise<void> {
    this.#timer = null;
    const asked = new Map([...this.#next].map((name) => [name, this.#asked.get(name)]));
    this.#next.clear();
    for (const [name, has] of await observe(this.#ports, [...asked.keys()])) {
      if (asked.get(name) !== this.#asked.get(name)) continue;
      if (has) this.#seen.set(name, Date.now());
      else this.#unobserved(name);
    }
  }
}
