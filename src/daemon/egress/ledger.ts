/** What instances were refused, added up from what the kernel has counted. Pure: no clock, no kernel. */
import type { Destination } from "../netfilter/port.ts";

/** One destination. Times are milliseconds since the epoch. */
export interface Refused {
  readonly address: string;
  /** IP protocol number. */
  readonly protocol: number;
  /** Of ICMP: type and code, a byte each. */
  readonly port: number;
  readonly packets: number;
  readonly first: number;
  readonly last: number;
}

export interface Account {
  /** Every packet, to whatever destination. */
  readonly total: number;
  /** Packets to destinations that are not listed: the kernel's set was full, or they were too long ago. */
  readonly further: number;
  /** The last one first. */
  readonly destinations: readonly Refused[];
}

export interface Growth {
  readonly refused: Refused;
  /** Packets since the last reading. */
  readonly by: number;
  readonly isNew: boolean;
}

export interface Reading {
  readonly grown: readonly Growth[];
  /** Packets since the last reading that went to destinations not listed. */
  readonly further: number;
}

/** More than the kernel remembers at once; the oldest go first. */
const DESTINATIONS_MAX = 4096;

interface Entry {
  /** What the kernel said last. */
  counted: bigint;
  refused: Refused;
}

interface Page {
  counted: bigint;
  total: number;
  /** Packets that were listed by destination before the total had them. */
  ahead: number;
  readonly entries: Map<string, Entry>;
}

export const keyOf = ({ address, protocol, port }: Pick<Refused, "address" | "protocol" | "port">): string =>
  `${address} ${protocol} ${port}`;

const HALF = 1n << 63n;

/** How far a counter has gone on; one that was made anew began at 0, and one may pass 2⁶⁴. */
export function increase(before: bigint, now: bigint): number {
  const by = BigInt.asUintN(64, now - before);
  return Number(by < HALF ? by : now);
}

export class Ledger {
  readonly #pages = new Map<string, Page>();
  readonly #most: number;

  constructor(most = DESTINATIONS_MAX) {
    this.#most = most;
  }

  /** Whether a total is other than at the last reading. */
  isNews(name: string, total: bigint): boolean {
    return (this.#pages.get(name)?.counted ?? 0n) !== total;
  }

  /** Take in a total, and the destinations as they were read after it: what came in between counts at the next reading. */
  take(name: string, total: bigint, found: readonly Destination[], now: number): Reading {
    const page = this.#pages.get(name) ?? { counted: 0n, total: 0, ahead: 0, entries: new Map() };
    this.#pages.set(name, page);
    const grown = found.flatMap((destination) => grow(page, destination, now));
    const by = increase(page.counted, total);
    page.counted = total;
    page.total += by;
    const listed = grown.reduce((sum, growth) => sum + growth.by, 0);
    const unlisted = by - listed - page.ahead;
    page.ahead = Math.max(0, -unlisted);
    this.#trim(page);
    return { grown, further: Math.max(0, unlisted) };
  }

  account(name: string): Account {
    const page = this.#pages.get(name);
    const destinations = [...(page?.entries.values() ?? [])].map(({ refused }) => refused);
    const listed = destinations.reduce((sum, { packets }) => sum + packets, 0);
    const total = Math.max(page?.total ?? 0, listed);
    return { total, further: total - listed, destinations: destinations.sort((a, b) => b.last - a.last) };
  }

  forget(name: string): void {
    this.#pages.delete(name);
  }

  #trim({ entries }: Page): void {
    if (entries.size <= this.#most) return;
    const oldest = [...entries].sort(([, a], [, b]) => a.refused.last - b.refused.last);
    for (const [key] of oldest.slice(0, entries.size - this.#most)) entries.delete(key);
  }
}

function grow({ entries }: Page, destination: Destination, now: number): Growth[] {
  const key = keyOf(destination);
  const before = entries.get(key);
  const by = increase(before?.counted ?? 0n, destination.packets);
  if (by === 0) return [];
  const last = now - destination.ago;
  const { address, protocol, port } = destination;
  const { packets, first } = before?.refused ?? { packets: 0, first: last };
  const refused = { address, protocol, port, packets: packets + by, first, last };
  entries.set(key, { counted: destination.packets, refused });
  return [{ refused, by, isNew: before === undefined }];
}
