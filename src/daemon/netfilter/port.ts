/** Netfilter as the daemon sees it. */
import type { Change } from "../../netpolicy/change.ts";
import type { Gate } from "../../netpolicy/names.ts";
import type { ListedDestination } from "../../netpolicy/readback.ts";
import type { Features } from "../../netpolicy/table.ts";
import { ProblemError } from "../../spec/problem.ts";

export type { Change, Features, Gate };

/** What to do about each code; the daemon branches on the code, people read this. */
const FIXES = {
  /** A slice has no cgroup: make it active first. `instance` names it. */
  "slice-missing": "start the instance's slice before its policy is committed",
  /** `opencode.slice` has no cgroup. */
  "gate-missing": "start opencode.slice first",
  /** The table is gone, was never adopted, or its gate was made for another `opencode.slice`: adopt (again). */
  "not-adopted": "adopt the table, then commit again",
  /** Another process owns the table. */
  owned: "stop the process that owns table inet opencode_supervisor (nft list tables shows it)",
  /** This process may not change the ruleset. */
  "not-permitted": "run as root, or with CAP_NET_ADMIN and AF_NETLINK sockets",
  /** Kernel or nft lack what the rules are made of. */
  unsupported:
    "run Linux 6.6 or later with nf_tables and its socket, fib, ct, connlimit and reject expressions, and nft 1.0.6 or later; until then only instances without networkIsolation can run",
  /** The kernel or nft refused the transaction: nothing was changed. */
  refused: "see the kernel's log and `nft list table inet opencode_supervisor`",
} as const;

export type NetfilterErrorCode = keyof typeof FIXES;

/** A refusal; nothing was changed. */
export class NetfilterError extends ProblemError {
  readonly code: NetfilterErrorCode;
  constructor(code: NetfilterErrorCode, what: string, instance: string | null = null) {
    super({ instance, field: instance === null ? "" : "networkIsolation", what, fix: FIXES[code] });
    this.name = "NetfilterError";
    this.code = code;
  }
}

export interface Wanted {
  readonly name: string;
  /** `policyHash` of the policy. */
  readonly hash: string;
  /** Id of the instance's slice: the inode number of its cgroup directory. */
  readonly cgroupId: bigint;
}

/** What an instance was refused, or in audit mode would have been, at one place. */
export interface Destination extends ListedDestination {
  readonly packets: bigint;
  /** Milliseconds since the last of them. */
  readonly ago: number;
}

export interface NetfilterListener {
  /** Somebody else changed our table, or took it away; null when it is not known who, or whether. */
  touched(by: string | null): void;
  /** Something was refused. Only with {@link Features}.tells; at most a few times a second. */
  refused(): void;
}

export interface Netfilter {
  readonly features: Features;
  /**
   * Takes over the table, or makes it; what is installed and its counters stay, unless another layout wrote it. Makes the
   * gate anew when it is for another cgroup than the one at `gate.cgroup` now. Safe to repeat. `remake`: what all instances
   * share is made anew in any case. Returns the installed policies' hashes by instance. Throws {@link NetfilterError}.
   */
  adopt(gate: Gate, options?: { readonly remake?: boolean }): Promise<ReadonlyMap<string, string>>;
  /** One transaction, all or nothing; without a change, none. Throws {@link NetfilterError}. */
  commit(change: Change): Promise<void>;
  /**
   * Asks the kernel which instances have a chain with this hash, and an entry for this cgroup that leads to it, behind a
   * gate for the slice that exists now. All false when the table is not as it was adopted.
   */
  inForce(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, boolean>>;
  /** The cgroup that an instance's entry was made for when last committed or adopted; null when it has none. Asks nobody. */
  entryOf(name: string): bigint | null;
  /** Nobody else made a transaction since all that stands in the table was written, be it by an earlier process of ours. */
  isAsLeft(): boolean;
  /** All that instances were refused so far, in packets. */
  refused(): Promise<ReadonlyMap<string, bigint>>;
  /** The same by destination, for one instance; when the kernel's set is full, not of every destination. */
  destinations(name: string): Promise<readonly Destination[]>;
  /** Canaries that arrived, by instance: see `CANARY` in `src/netpolicy/names.ts`. */
  canaries(): Promise<ReadonlyMap<string, bigint>>;
  /** Hear of what happens to the table; one listener. Stops with {@link close}. */
  listen(listener: NetfilterListener): void;
  /** Deletes the table, whoever left it; nothing of ours is left. A table that is not there is no mistake. */
  destroy(): Promise<void>;
  /** Lets go of the table, which stays where it can ({@link Features}.persist, and in a plain table always). */
  close(): void;
}
