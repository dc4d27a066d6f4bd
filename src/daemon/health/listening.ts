/**
 * Who listens at a TCP port. The kernel is asked by sock_diag(7), which tells of the listeners at that port alone, however many
 * others there are: an agent may have hundreds of thousands. One without `tcp_diag` (hardened ones leave it out) has them in
 * proc_pid_net(5) `tcp` and `tcp6` only, among all connections.
 */
import { readFile } from "node:fs/promises";
import type { ListenerInfo } from "nftables-napi";
import { shared } from "../shared.ts";

type ByPort = ReadonlyMap<number, readonly ListenerInfo[]>;

/** Milliseconds between two walks of the whole table, which take 20 ms and more: hundreds of servers that start share one. */
const PAUSE_MS = 1000;
const NO_DIAG = new Set(["ENOENT", "EPROTONOSUPPORT"]);

/** @param ask nftables-napi's `listeners`; not asked again by who was told that the kernel cannot say */
export function listing(ask: (port: number) => ListenerInfo[]): (port: number) => Promise<readonly ListenerInfo[]> {
  const table = shared(async (): Promise<ByPort> => Map.groupBy(await readTables(), ({ port }) => port), PAUSE_MS);
  let hasDiag = true;
  return async (port) => {
    try {
      if (hasDiag) return ask(port);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && NO_DIAG.has(String(error.code)))) throw error;
      hasDiag = false;
    }
    return (await table()).get(port) ?? [];
  };
}

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
