/** One transaction that takes the table from what is installed to what is wanted. */
import {
  type Entry,
  entriesText,
  type Installed,
  noEntriesText,
  noEntryText,
  putText,
  removeText,
} from "./instance.ts";
import { type Gate, INSTANCES_MAX } from "./names.ts";
import { type Policy, policyHash } from "./policy.ts";

/** What is installed, by instance. */
export type InstalledMap = ReadonlyMap<string, Installed>;

export interface Change {
  readonly put: readonly Policy[];
  readonly remove: readonly string[];
}

/** What is known of cgroups right now. */
export interface Slices {
  /** Whether the instance's slice exists. */
  readonly exists: (name: string) => boolean;
  /** Whether the installed entry is of another slice than the one that exists. */
  readonly stale: (name: string) => boolean;
}

export interface Transaction {
  /** Empty when there is nothing to do. */
  readonly text: string;
  /** What is installed once the text has been run. */
  readonly installed: InstalledMap;
}

/** The lowest number nobody has; an instance keeps its own. */
function slotFor(name: string, installed: InstalledMap, taken: Set<number>): number {
  const before = installed.get(name)?.slot;
  let slot = before ?? 1;
  while (before === undefined && taken.has(slot)) slot++;
  taken.add(slot);
  return slot;
}

/** The transaction for a change. What is to be removed and is not installed is no mistake. */
export function transaction(gate: Gate, installed: InstalledMap, change: Change, slices: Slices): Transaction {
  const after = new Map(installed);
  for (const name of change.remove) after.delete(name);
  const taken = new Set([...after.values()].map(({ slot }) => slot));
  const puts = change.put.map((policy) => ({ policy, slot: slotFor(policy.name, after, taken) }));
  for (const { policy, slot } of puts) after.set(policy.name, { hash: policyHash(policy), slot });

  if (after.size >= INSTANCES_MAX)
    throw new RangeError(`${after.size} instances; the table has room for ${INSTANCES_MAX - 1}`);

  const dropped = [...installed].filter(([name]) => !after.has(name)).map(([name, { slot }]) => ({ name, slot }));
  // The entry of a cgroup that is gone cannot be named any more: it goes with all others, which are entered again.
  const isReachable = (name: string): boolean => slices.exists(name) && !slices.stale(name);
  const reset = dropped.some(({ name }) => !isReachable(name)) || puts.some(({ policy }) => slices.stale(policy.name));
  const put = new Set(puts.map(({ policy }) => policy.name));
  const entries: Entry[] = [...after]
    .filter(([name]) => put.has(name) || (reset && slices.exists(name)))
    .map(([name, { slot }]) => ({ name, slot }));
  const text = [
    reset ? noEntriesText() : dropped.map((entry) => noEntryText(gate, entry)).join(""),
    ...dropped.map(({ name }) => removeText(name)),
    ...puts.map(({ policy, slot }) => putText(policy, slot)),
    entriesText(gate, entries),
  ].join("");
  return { text, installed: after };
}
