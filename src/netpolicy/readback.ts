/** What is installed, read from what the kernel lists. */
import ipaddr from "ipaddr.js";
import type { InstalledMap } from "./change.ts";
import { type Installed, parsePolicyComment } from "./instance.ts";
import { decodeName, instanceOf } from "./names.ts";
import { gateLayout, SHARED_CHAINS } from "./table.ts";

export interface ListedRule {
  readonly chain: string;
  readonly comment: string | null;
}

/** An element of the map `instances`: a cgroup id as the kernel keeps it, and the chain it leads to. */
export interface ListedEntry {
  readonly key: Uint8Array;
  readonly chain: string | null;
}

/** Comment of the gate's rule; null when it, or a chain that all instances share, has no rules any more. */
export function listedGate(rules: readonly ListedRule[]): string | null {
  const filled = new Set(rules.map(({ chain }) => chain));
  if (!SHARED_CHAINS.every((chain) => filled.has(chain))) return null;
  return rules.find(({ chain, comment }) => chain === "output" && gateLayout(comment) !== null)?.comment ?? null;
}

/** The policy of every instance whose chain says one. */
export const listedPolicies = (rules: readonly ListedRule[]): InstalledMap =>
  new Map(
    rules.flatMap(({ chain, comment }): [string, Installed][] => {
      const name = instanceOf(chain);
      const installed = name === null ? null : parsePolicyComment(comment);
      return name === null || installed === null ? [] : [[name, installed]];
    }),
  );

/** The cgroup ids that lead to each instance's chain. Ids are in host byte order, which is little-endian on every target. */
export function listedIds(entries: readonly ListedEntry[]): ReadonlyMap<string, ReadonlySet<bigint>> {
  const ids = new Map<string, Set<bigint>>();
  for (const { key, chain } of entries) {
    const name = chain === null ? null : instanceOf(chain);
    if (name === null || key.byteLength < 8) continue;
    const id = new DataView(key.buffer, key.byteOffset).getBigUint64(0, true);
    ids.set(name, (ids.get(name) ?? new Set<bigint>()).add(id));
  }
  return ids;
}

/** A destination as an element of `blocked4_*` or `blocked6_*` has it: the address, and protocol and port in 4 bytes each. */
export interface ListedDestination {
  readonly address: string;
  /** IP protocol number. */
  readonly protocol: number;
  /** Of ICMP: type and code, a byte each. */
  readonly port: number;
}

export function listedDestination(key: Uint8Array): ListedDestination | null {
  const length = key.byteLength - 8;
  if (length !== 4 && length !== 16) return null;
  const port = new DataView(key.buffer, key.byteOffset).getUint16(length + 4);
  return { address: ipaddr.fromByteArray([...key.subarray(0, length)]).toString(), protocol: key[length] ?? 0, port };
}

/** The instance whose total a named counter is; null for any other. */
export const refusedBy = (counter: string): string | null =>
  counter.startsWith("blocked_") ? decodeName(counter.slice("blocked_".length)) : null;
