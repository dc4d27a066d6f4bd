/** What one call of nft did: nft(8) exit status, and what nft would have printed to stdout and stderr. */
export interface NftResult {
  /** 0, or -1 when nothing was done: one call is one transaction. */
  rc: number;
  output: string;
  /** `Error: …` and a line of the commands, for each that failed. The line is always the first one, whichever failed. */
  error: string;
}

/**
 * One libnftables context (libnftables(3)) and the netlink socket in it. A table made with `flags owner` belongs to that
 * socket: it goes (or with `persist` stays, open to all) when the context is closed, collected or its process ends.
 * Calls are synchronous. Throws `ENETLINK` when the process may not open netlink sockets.
 */
export class Nft {
  /** `json`: listings come as JSON (libnftables-json(5)). */
  constructor(options?: { json?: boolean });
  /** Runs commands as one transaction. Throws RangeError for a NUL byte or more than 16 Mi characters, and `ERR_CLOSED`. */
  run(commands: string): NftResult;
  close(): void;
}

export type Family = "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev";

export interface TableInfo {
  /** `NFT_TABLE_F_*` of linux/netfilter/nf_tables.h: 1 dormant, 2 owner, 4 persist. */
  flags: number;
  /** Netlink port of the owner; null when the table has none. */
  owner: number | null;
}

export interface RuleInfo {
  chain: string;
  comment: string | null;
}

export interface ElementInfo {
  /** As the kernel keeps it; a cgroup id and a mark are in host byte order. */
  key: Buffer;
  /** The chain that a verdict map's element jumps or goes to; null for every other element. */
  chain: string | null;
  /** Of an element with a counter: how often it was met; null without one. */
  packets: bigint | null;
  /** Milliseconds; null for an element that stays. */
  expiresIn: number | null;
}

// The dumps below ask the kernel and resolve nothing: nft would walk cgroupfs once for each cgroup it prints.
// They throw an Error with `code` (`ENOENT` when there is no such table, chain or set).

/** Flags and owner of a table; null when there is none. */
export function tableInfo(family: Family, table: string): TableInfo | null;
/** Number of the ruleset's current generation: it changes with every transaction of anyone in this network namespace. */
export function generation(): number;
/** The rules of a table, or of one of its chains, in order. */
export function rules(family: Family, table: string, chain?: string): RuleInfo[];
/**
 * The elements of a set or map, in no order. The kernel walks a hash that may be growing, and starts again for each
 * datagram: only a set declared with `size` is listed without gaps and repetitions right after it has grown.
 */
export function elements(family: Family, table: string, set: string): ElementInfo[];
/** Packets of each named counter of a table; none for a table that is not there. */
export function counters(family: Family, table: string): Map<string, bigint>;

export interface Watch {
  /** Safe to repeat. */
  close(): void;
}

/** Who changed a table: netlink port, pid as the first PID namespace has it, and name of the process. */
export interface Change {
  port: number;
  pid: number;
  program: string;
}

/**
 * Hears of every transaction that touches a table (its deletion included), ours among them; null when the kernel could not
 * tell everything. Does not keep the process alive. Throws `ENETLINK`.
 */
export function watchTable(family: Family, table: string, listener: (change: Change | null) => void): Watch;

/**
 * Hears of packets that rules `log group GROUP`: the prefixes of those since the last time. One listener a group and network
 * namespace. Does not keep the process alive. Throws `ENETLINK` (EBUSY when somebody listens already).
 */
export function watchLog(group: number, listener: (prefixes: ReadonlySet<string>) => void): Watch;

export interface ListenerInfo {
  /** What it is bound to, as it is sent: 4 bytes of IPv4 or 16 of IPv6; zeros for any address. */
  address: Buffer;
  port: number;
  /** By which `/proc/PID/fd` names it: `socket:[INODE]`. */
  inode: number;
}

/**
 * The listening TCP sockets of this network namespace, in no order (sock_diag(7), linux/inet_diag.h); with a port, only those. The
 * kernel looks at listeners alone, where for /proc/net/tcp it walks every connection. Throws an Error with `code`: `ENOENT` or
 * `EPROTONOSUPPORT` when the kernel has no `tcp_diag`, `ENOMEM` when they are more than a MiB tells of, about ten thousand.
 */
export function listeners(port?: number): ListenerInfo[];
