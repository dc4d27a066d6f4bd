/**
 * Whose is a listening socket? The password goes only to a server that belongs to the instance: another agent on the
 * host may have taken the port first. Sources: sock_diag(7); proc_pid_fd(5); cgroups(7) `cgroup.procs`.
 */
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { createServer } from "node:net";
import ipaddr from "ipaddr.js";
import { listeners } from "nftables-napi";
import { plain } from "../text.ts";
import { listing } from "./listening.ts";

const listenersAt = listing(listeners);

const isWildcard = (address: Buffer): boolean => address.every((byte) => byte === 0);

/** Does a socket bound to `bound` take connections for `address`, or one of them if that is a wildcard? */
const takes = (bound: Buffer, address: Buffer): boolean =>
  bound.equals(address) || isWildcard(bound) || isWildcard(address);

/** The listening sockets that take connections for this address and port: `socket:[INODE]`. */
export async function socketsAt(address: string, port: number): Promise<readonly string[]> {
  const there = await listenersAt(port);
  if (there.length === 0) return [];
  const wanted = Buffer.from(ipaddr.parse(address).toByteArray());
  return there.filter((socket) => takes(socket.address, wanted)).map(({ inode }) => `socket:[${inode}]`);
}

/** A descriptor and what it leads to: while it does, it is the same socket. */
export interface Held {
  readonly path: string;
  readonly link: string;
}

/**
 * A descriptor by which a process of the cgroup holds one of the sockets; null when they are not, or not all, theirs, or when
 * the process that does has more open than is looked at ({@link LOOKED_MOST}).
 */
export async function heldBy(sockets: readonly string[], controlGroup: string): Promise<Held | null> {
  const [first] = sockets;
  const missing = new Set(sockets);
  let held: Held | null = null;
  for await (const one of descriptorsOf(await processesOf(controlGroup))) {
    if (!missing.delete(one.link)) continue;
    if (one.link === first) held = one;
    if (missing.size === 0) return held;
  }
  return null;
}

export const isHeld = async ({ path, link }: Held): Promise<boolean> => (await readlink(path).catch(() => "")) === link;

/** A process that holds a listening socket. */
export interface Holder {
  readonly pid: number;
  /** Its name, as it calls itself. */
  readonly command: string;
  /** The unit it is in: `nginx.service`, `session-2.scope`; "" when it is in none. */
  readonly unit: string;
}

/** Who holds one of the sockets; null when nobody does, or nobody that can be seen. Looks at one process after the other. */
export async function holderOf(sockets: readonly string[]): Promise<Holder | null> {
  if (sockets.length === 0) return null;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for await (const { pid, link } of descriptorsOf(pids)) if (sockets.includes(link)) return describe(pid);
  return null;
}

async function describe(pid: string): Promise<Holder> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
  const [comm, cgroup] = await Promise.all([read("comm"), read("cgroup")]);
  const unit = /^0::.*?([^/]*\.(?:service|scope|slice))\s*$/m.exec(cgroup)?.[1] ?? "";
  return { pid: Number(pid), command: plain(comm, 32), unit: plain(unit, 128) };
}

/** Why a server could not bind there: who listens already. Null when nobody does. */
export async function taken(address: string, port: number): Promise<string | null> {
  if (await isFree(address, port)) return null;
  return `port ${port} is held by ${formatHolder(await holderOf(await socketsAt(address, port)))}`;
}

/** Asked by binding: connecting is refused by a server's packet filter as well as for want of a server. */
const isFree = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });

/** `nc (pid 12, mail.service)` */
export const formatHolder = (holder: Holder | null): string =>
  holder === null
    ? "another process"
    : `${holder.command} (${[`pid ${holder.pid}`, holder.unit].filter((part) => part !== "").join(", ")})`;

async function processesOf(controlGroup: string): Promise<string[]> {
  const procs = await readFile(`/sys/fs/cgroup${controlGroup}/cgroup.procs`, "utf8").catch(() => "");
  return procs.split("\n").filter((pid) => pid !== "");
}

/** An instance may open hundreds of thousands in each of its processes; a host with hundreds of servers has fewer in all. */
const LOOKED_MOST = 1 << 15;
const AT_ONCE = 256;

/** What these processes have open, but for those with more than there is left to look at. */
async function* descriptorsOf(pids: readonly string[]): AsyncGenerator<Held & { readonly pid: string }> {
  let left = LOOKED_MOST;
  for (const pid of pids) {
    const directory = `/proc/${pid}/fd`;
    const { size } = await stat(directory).catch(() => ({ size: 0 })); // how many there are (Linux 6.2)
    if (size > left) continue;
    left -= size;
    const paths = (await readdir(directory).catch(() => [])).map((fd) => `${directory}/${fd}`);
    const read = async (path: string) => ({ pid, path, link: await readlink(path).catch(() => "") });
    while (paths.length > 0) yield* await Promise.all(paths.splice(0, AT_ONCE).map(read));
  }
}
