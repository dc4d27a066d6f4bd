/**
 * Egress policy as the steps see it: put one, remove one, each true only when read back from the kernel. Changes that come
 * together share a transaction; when the kernel refuses it, each is tried alone, so that one bad policy holds up no other.
 */
import { stat } from "node:fs/promises";
import { cgroupOf, type Gate, gateAt } from "../netpolicy/names.ts";
import { type Policy, policyHash } from "../netpolicy/policy.ts";
import { PARENT_SLICE, SUPERVISOR_UNIT } from "../spec/names.ts";
import { type Netfilter, NetfilterError } from "./netfilter/port.ts";
import type { Systemd } from "./systemd/port.ts";

interface Change {
  readonly put: Policy | null;
  readonly name: string;
  resolve(inForce: boolean): void;
  reject(error: unknown): void;
}

export class EgressError extends Error {
  override name = "EgressError";
}

const CGROUPS = "/sys/fs/cgroup";

export class Egress {
  readonly #netfilter: Netfilter;
  readonly #systemd: Systemd;
  #queue: Change[] = [];
  #flushing = false;
  #opening: Promise<ReadonlyMap<string, string>> | null = null;
  #gate: (Gate & { readonly id: bigint }) | null = null;
  #why: string | null = "no instance needs it yet";
  #opened: (installed: ReadonlyMap<string, string>) => void = () => undefined;

  constructor(netfilter: Netfilter, systemd: Systemd) {
    this.#netfilter = netfilter;
    this.#systemd = systemd;
  }

  /** Why there is no table of ours in the kernel; null when there is. */
  get missing(): string | null {
    return this.#why;
  }

  /** Told each time the table is taken over or made, with what is installed in it: what is not has to be put again. */
  onOpen(listener: (installed: ReadonlyMap<string, string>) => void): void {
    this.#opened = listener;
  }

  /** Make `opencode.slice` active and take over (or make) the table; policies installed before, by instance. */
  open(): Promise<ReadonlyMap<string, string>> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #open(): Promise<ReadonlyMap<string, string>> {
    try {
      await this.#systemd.start(PARENT_SLICE);
      const gate = await this.#findGate();
      const installed = await this.#netfilter.adopt(gate);
      this.#gate = gate;
      this.#why = null;
      this.#opened(installed);
      return installed;
    } catch (error) {
      this.#gate = null;
      this.#why = error instanceof Error ? error.message : String(error);
      throw error instanceof NetfilterError
        ? error
        : new EgressError(`no egress table: ${this.#why}`, { cause: error });
    }
  }

  /** Take the table away; nothing of ours is left in the kernel. */
  async destroy(): Promise<void> {
    await this.#netfilter.destroy();
    this.#gate = null;
    this.#why = "no instance needs it";
  }

  /** Of these policies, those that are in force: chain with this hash, live entry for this slice. */
  async verify(policies: readonly Policy[]): Promise<ReadonlyMap<string, boolean>> {
    const gate = this.#gate;
    if (gate === null) return new Map();
    const wanted = policies.map(async (policy) => ({
      name: policy.name,
      hash: policyHash(policy),
      cgroupId: await cgroupId(cgroupOf(gate, policy.name)),
    }));
    return this.#netfilter.inForce(await Promise.all(wanted));
  }

  /** Commit and read back. False when there is no table and the policy asks for none of its protection; else throws. */
  async put(policy: Policy): Promise<boolean> {
    try {
      await this.#ensureGate();
    } catch (error) {
      if (policy.isolation === null) return false;
      throw error;
    }
    return this.#enqueue(policy.name, policy);
  }

  async remove(name: string): Promise<void> {
    if (this.#gate !== null) await this.#enqueue(name, null);
  }

  /** The gate stores the slice's cgroup id: a slice made anew needs the table adopted anew. */
  async #ensureGate(): Promise<void> {
    if (this.#gate !== null && (await cgroupId(this.#gate.cgroup)) === this.#gate.id) return;
    await this.open();
  }

  async #findGate(): Promise<Gate & { readonly id: bigint }> {
    const cgroup = (await this.#systemd.controlGroup(PARENT_SLICE)).replace(/^\//, "");
    const id = cgroup === "" ? 0n : await cgroupId(cgroup);
    if (id === 0n) throw new EgressError(`${PARENT_SLICE} has no cgroup`);
    return { ...gateAt(cgroup, await this.#ownCgroup()), id };
  }

  /** Where the supervisor runs; null when that is not a service of its own. */
  async #ownCgroup(): Promise<string | null> {
    const cgroup = (await this.#systemd.controlGroup(SUPERVISOR_UNIT)).replace(/^\//, "");
    return cgroup !== "" && (await cgroupId(cgroup)) !== 0n ? cgroup : null;
  }

  #enqueue(name: string, put: Policy | null): Promise<boolean> {
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
    const put = changes.map((change) => change.put).filter((policy) => policy !== null);
    const remove = changes.filter((change) => change.put === null).map((change) => change.name);
    try {
      await this.#netfilter.commit({ put, remove });
      const inForce = await this.verify(put);
      for (const change of changes) settle(change, inForce);
    } catch (error) {
      if (error instanceof NetfilterError && error.code === "not-adopted") this.#gate = null; // the next try opens it anew
      if (changes.length === 1) changes[0]?.reject(error);
      else for (const change of changes) await this.#commit([change]);
    }
  }
}

function settle(change: Change, inForce: ReadonlyMap<string, boolean>): void {
  if (change.put === null || inForce.get(change.name) === true) change.resolve(true);
  else change.reject(new EgressError("the policy was committed, but is not there when read back"));
}

/** A cgroup's id is its inode number (cgroups(7), `cgroup.id`); 0n when it is not there. */
async function cgroupId(cgroup: string): Promise<bigint> {
  const found = await stat(`${CGROUPS}/${cgroup}`, { bigint: true }).catch(() => null);
  return found?.ino ?? 0n;
}
