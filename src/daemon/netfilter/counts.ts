/** What the table has counted, by netlink: nft would walk cgroupfs and /etc/services for each line. */
import { counters, type ElementInfo, elements } from "nftables-napi";
import { REMEMBERED_MS } from "../../netpolicy/instance.ts";
import { CANARY, FAMILY, namesOf, slotOf, TABLE_NAME } from "../../netpolicy/names.ts";
import { listedDestination, refusedBy } from "../../netpolicy/readback.ts";
import type { Destination } from "./port.ts";

/** Packets refused, by instance; none when there is no table. */
export function readRefused(): Map<string, bigint> {
  const totals = [...counters(FAMILY, TABLE_NAME)].map(([counter, packets]) => [refusedBy(counter), packets] as const);
  return new Map(totals.flatMap(([name, packets]) => (name === null ? [] : [[name, packets] as const])));
}

/** The elements of a set; none when it, or the table, is not there. */
function elementsOf(set: string): ElementInfo[] {
  try {
    return elements(FAMILY, TABLE_NAME, set);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

export function readDestinations(name: string): Destination[] {
  const { blocked4, blocked6 } = namesOf(name);
  return [blocked4, blocked6].flatMap(elementsOf).flatMap(({ key, packets, expiresIn }) => {
    const destination = listedDestination(key);
    if (destination === null || packets === null || packets === 0n) return [];
    return [{ ...destination, packets, ago: Math.max(0, REMEMBERED_MS - (expiresIn ?? REMEMBERED_MS)) }];
  });
}

/** Canaries that arrived, by the sender's number. */
export const readCanaries = (): Map<number, bigint> =>
  new Map(elementsOf(CANARY.set).map(({ key, packets }) => [slotOf(key.readUInt32LE(0)), packets ?? 0n]));
