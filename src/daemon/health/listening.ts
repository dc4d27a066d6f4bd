/**
 * Who listens, by TCP port. The kernel is asked by sock_diag(7), which looks at listeners alone; one without `tcp_diag` (hardened
 * ones leave it out) has them in proc_pid_net(5) `tcp` and `tcp6` only, among all connections.
 */
import { readFile } from "node:fs/promises";
import type { ListenerInfo } from "nftables-napi";
import { shared } from "../shared.ts";

export type ByPort = ReadonlyMap<number, readonly ListenerInfo[]>;

/**
 * Milliseconds between two listings: hundreds of servers that start are looked for by one. It costs 0.3 ms for 500 listeners, but
 * 20 ms and more where the whole table is walked.
 */
const PAUSE_MS = { diag: 50, table: 1000 };
const NO_DIAG = new Set(["ENOENT", "EPROTONOSUPPORT"]);

/** @param ask nftables-napi's `listeners`; not asked again by who was told that the kernel cannot say */
export function listing(ask: () => ListenerInfo[]): () => Promise<ByPort> {
  const byDiag = shared(async () => byPort(ask()), PAUSE_MS.diag);
  const byTable = shared(async () => byPort(await readTables()), PAUSE_MS.table);
  let hasDiag = true;
  return async () => {
    try {
      if (hasDiag) return await byDiag();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && NO_DIAG.has(String(error.code)))) throw error;
      hasDiag = false;
    }
    return byTable();
  };
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
