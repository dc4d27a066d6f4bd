/** When each instance's policy was last observed at work; whoever is put anew is observed anew. */
import { type CanaryPorts, cameSince, observe } from "./canary.ts";

/** Instances that are put or start together are observed together. */
const AFTER_MS = 200;

export class Observations {
  readonly #ports: CanaryPorts;
  readonly #unobserved: (name: string) => void;
  /** Milliseconds since the epoch. */
  readonly #seen = new Map<string, number>();
  /** The last time that each was put: what was asked for before that is of an earlier policy. */
  readonly #asked = new Map<string, symbol>();
  readonly #next = new Set<string>();
  /** What had arrived of each when it was first counted after its policy was put: one more, and it is seen. */
  readonly #counted = new Map<string, bigint>();
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
    this.#counted.delete(name);
    this.#asked.set(name, Symbol(name));
    this.started(name);
  }

  /** Its server runs now: the init of one sends a canary as it starts, and need not be asked for another. */
  started(name: string): void {
    this.#next.add(name);
    this.#timer ??= setTimeout(() => void this.#observe().catch(() => undefined), AFTER_MS).unref();
  }

  forget(name: string): void {
    this.#seen.delete(name);
    this.#asked.delete(name);
    this.#next.delete(name);
    this.#counted.delete(name);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #observe(): Promise<void> {
    this.#timer = null;
    const asked = new Map([...this.#next].map((name) => [name, this.#asked.get(name)]));
    this.#next.clear();
    const now = await this.#ports.netfilter.canaries();
    const silent = [...asked.keys()].filter((name) => !this.#came(name, now));
    for (const name of silent) this.#counted.set(name, now.get(name) ?? 0n);
    for (const [name, has] of await observe(this.#ports, silent, now)) {
      if (asked.get(name) !== this.#asked.get(name)) continue;
      if (has) this.#seen.set(name, Date.now());
      else this.#unobserved(name);
    }
  }

  /** Whether one came by itself since its policy was put. */
  #came(name: string, now: ReadonlyMap<string, bigint>): boolean {
    const came = this.#counted.has(name) && cameSince(this.#counted, now, name);
    if (came) this.#seen.set(name, Date.now());
    return came;
  }
}
