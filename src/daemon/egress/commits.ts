/**
 * Changes of the table: those that come together share a transaction; when the kernel refuses it, each is tried alone, so
 * that one bad policy holds up no other. Of several of one instance the last one counts. A change is done when it was read back.
 */
import type { Policy } from "../../netpolicy/policy.ts";
import { type Netfilter, NetfilterError } from "../netfilter/port.ts";

interface Change {
  readonly put: Policy | null;
  readonly name: string;
  resolve(): void;
  reject(error: unknown): void;
}

export class EgressError extends Error {
  override name = "EgressError";
}

export interface CommitPorts {
  readonly netfilter: Pick<Netfilter, "commit">;
  /** Of these policies, those that are in force. */
  verify(policies: readonly Policy[]): Promise<ReadonlyMap<string, boolean>>;
  /** Make or take over the table again: it is not as it was left. */
  adopt(): Promise<unknown>;
}

export class Commits {
  readonly #ports: CommitPorts;
  #queue: Change[] = [];
  #flushing = false;

  constructor(ports: CommitPorts) {
    this.#ports = ports;
  }

  put(policy: Policy): Promise<void> {
    return this.#enqueue(policy.name, policy);
  }

  remove(name: string): Promise<void> {
    return this.#enqueue(name, null);
  }

  #enqueue(name: string, put: Policy | null): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ name, put, resolve, reject });
      if (!this.#flushing) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    while (this.#queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const changes = this.#queue;
      this.#queue = [];
      await this.#commit(changes);
    }
    this.#flushing = false;
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    const last = [...new Map(changes.map((change) => [change.name, change])).values()];
    const put = last.map((change) => change.put).filter((policy) => policy !== null);
    const remove = last.filter((change) => change.put === null).map((change) => change.name);
    try {
      await this.#adoptAndCommit({ put, remove });
      const inForce = await this.#ports.verify(put);
      for (const change of changes) settle(change, inForce);
    } catch (error) {
      if (changes.length === 1) changes[0]?.reject(error);
      else for (const change of changes) await this.#commit([change]);
    }
  }

  /** A table that somebody took away, or a gate that was made anew, is adopted and the change tried once more. */
  async #adoptAndCommit(change: Parameters<Netfilter["commit"]>[0]): Promise<void> {
    try {
      await this.#ports.netfilter.commit(change);
    } catch (error) {
      if (!(error instanceof NetfilterError) || error.code !== "not-adopted") throw error;
      await this.#ports.adopt();
      await this.#ports.netfilter.commit(change);
    }
  }
}

function settle(change: Change, inForce: ReadonlyMap<string, boolean>): void {
  if (change.put === null || inForce.get(change.name) === true) change.resolve();
  else change.reject(new EgressError("the policy was committed, but is not there when read back"));
}
