/**
 * Who listens at a TCP port. The kernel is asked by sock_diag(7), which looks at listeners alone; one without `tcp_diag` (hardened
 * ones leave it out) has them in proc_pid_net(5) `tcp` and `tcp6` only, among all connections.
 */
import { readFile } from "node:fs/promises";
import type { ListenerInfo } from "nftables-napi";
import { shared } from "../shared.ts";

type ByPort = ReadonlyMap<number, readonly ListenerInfo[]>;

/**
 * Milliseconds between two listings: hundreds of servers that start are looked for by one. It costs 0.2 ms for 500 listeners, but
 * 20 ms and more where the whole table is walked.
 */
const PAUSE_MS = { all: 50, table: 1000 };
/** What is done instead, by error: an agent may have hundreds of thousands of listeners, and each port is asked for by itself then. */
const INSTEAD: Readonly<Record<string, "table" | "one">> = { ENOENT: "table", EPROTONOSUPPORT: "table", ENOMEM: "one" };

/** @param ask nftables-napi's `listeners`; not asked again for what it could not say */
export function listing(ask: (port?: number) => ListenerInfo[]): (port: number) => Promise<readonly ListenerInfo[]> {
  const all = shared(async () => byPort(ask()), PAUSE_MS.all);
  const table = shared(async () => byPort(await readTables()), PAUSE_MS.table);
  const ways = {
    all: async (port: number) => (await all()).get(port) ?? [],
    one: async (port: number) => ask(port),
    table: async (port: number) => (await table()).get(port) ?? [],
  };
  let way: keyof typeof ways = "all";
  const at = async (port: number): Promise<readonly ListenerInfo[]> => {
    const tried = way;
    try {
      return await ways[tried](port);
    } catch (error) {
      const instead = error instanceof Error && "code" in error ? INSTEAD[String(error.code)] : undefined;
      if (instead === undefined || instead === tried) throw error;
      way = instead;
      return at(port);
    }
  };
  return at;
}

const byPort = (all: readonly ListenerInfo[]): ByPort => Map.groupBy(all, ({ port }) => port);

async function readTables(): Promise<ListenerInfo[]> {
  const tables = ["tcp", "tcp6"].map((name) => readFile(`/proc/self/net/${name}`, "utf8").catch(() => ""));
  return (await Promise.all(tables)).flatMap(parseListeners);
}

const LISTEN = "0A";

/** The listening sockets of such a table. Pure. Addresses are in host byte order, word by word. */
export function parseListeners(table: string): ListenerInfo[] {
  const rows = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap((cells) => {
    const [, local, , state, , , , , , inode] = cells;
    const [address, port] = local?.split(":") ?? [];
    if (state !== LISTEN || address === undefined || port === undefined || inode === undefined) return [];
    return [
      {
        address: Buffer.from(address, "hex").swap32(),
        port: Number.parseInt(port, 16),
        inode: Number.parseInt(inode, 10),
      },
    ];
  });
}
