/**
 * Keeps policies in force. What takes them away is heard of (the kernel tells who changed our table, systemd tells of slices
 * made anew) and put right at once; and, in case something was not heard, all is looked at now and then.
 */
import type { Policy } from "../../netpolicy/policy.ts";
import type { NetfilterListener } from "../netfilter/port.ts";

/** Something took policies away, or changed them, and they were put back. */
export interface Repair {
  /** Who or what: `nft (pid 7)`, `opencode.slice was made anew`. */
  readonly by: string;
  /** Instances whose policy was not in force. */
  readonly lost: readonly string[];
  /** Of all, those whose policy could not be put back; tried again. */
  readonly failed: readonly string[];
  /** Milliseconds from hearing of it until all was read back. */
  readonly took: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One of those since the daemon started; only the last ones are kept, so each says which it is, from 1 on. */
export interface Repaired extends Repair {
  readonly nth: number;
}

export interface GuardPorts {
  /** Every policy that is to be in force now: of the instances that have a slice. */
  policies(): readonly Policy[];
  verify(policies: readonly Policy[]): Promise<ReadonlyMap<string, boolean>>;
  /** Whether the gate is for the `opencode.slice` there is; one that is gone is not started for nobody. */
  isGateCurrent(): boolean;
  /** Make what all instances share anew, with or without a table. */
  remake(): Promise<unknown>;
  put(policy: Policy): Promise<void>;
  repaired(repair: Repair): void;
}

/** Somebody who changes it again and again does not keep us busy. */
const PAUSE_MS = 100;
const LOOK_MS = 30_000;

export class Guard implements Pick<NetfilterListener, "touched"> {
  readonly #ports: GuardPorts;
  #by: string | null = null;
  #isBusy = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;
  #look: NodeJS.Timeout | null = null;

  constructor(ports: GuardPorts) {
    this.#ports = ports;
  }

  /** Begin to look now and then. */
  start(): void {
    this.#look = setInterval(() => this.touched(null), LOOK_MS);
    this.#look.unref();
  }

  /** Somebody changed the table, or what it rests on; null when nobody is known to have: then it is only looked at. */
  touched(by: string | null): void {
    if (this.#isClosed) return;
    if (this.#isBusy || this.#timer !== null) this.#by = by ?? this.#by;
    else void this.#mend(by);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#look !== null) clearInterval(this.#look);
  }

  async #mend(by: string | null): Promise<void> {
    this.#isBusy = true;
    const failed = await this.#repair(by).catch(() => true);
    this.#isBusy = false;
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const next = this.#by;
      this.#by = null;
      if (next !== null || failed) void this.#mend(next ?? by);
    }, PAUSE_MS);
    this.#timer.unref();
  }

  /** Whether something is still not as it is to be. */
  async #repair(by: string | null): Promise<boolean> {
    const started = performance.now();
    const policies = this.#ports.policies();
    // With nobody to keep back, what is put next still rests on what all instances share.
    if (policies.length === 0 && (by === null || !this.#ports.isGateCurrent())) return false;
    const lost = await this.#missing(policies);
    if (lost.length === 0 && by === null) return false;
    await this.#ports.remake().catch(() => undefined); // each put tries that again, and says what is wrong
    await Promise.allSettled(this.#ports.policies().map((policy) => this.#ports.put(policy))); // one may have gone meanwhile
    const failed = await this.#missing(this.#ports.policies());
    if (this.#isClosed) return false;
    const took = Math.round(performance.now() - started);
    this.#ports.repaired({ by: by ?? "nobody we heard of", lost, failed, took, at: Date.now() });
    return failed.length > 0;
  }

  async #missing(policies: readonly Policy[]): Promise<string[]> {
    const inForce = await this.#ports.verify(policies);
    return policies.map(({ name }) => name).filter((name) => inForce.get(name) !== true);
  }
}
