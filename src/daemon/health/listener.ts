/**
 * Whose is a listening socket? The password goes only to a server that belongs to the instance: another agent on the
 * host may have taken the port first. Sources: proc_pid_net(5) `tcp`, `tcp6`; cgroups(7) `cgroup.procs`.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import ipaddr from "ipaddr.js";
import { shared } from "../shared.ts";
import { plain } from "../text.ts";

/** A listening socket, as a line of /proc/net/tcp or tcp6 has it. */
export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

const LISTEN = "0A";

/** The listening sockets of a /proc/net/tcp or tcp6 table. Pure. Addresses are in host byte order, word by word. */
export function parseListeners(table: string): ListeningSocket[] {
  const rows = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap((cells) => {
    const [, local, , state, , , , , , inode] = cells;
    const [hex, port] = local?.split(":") ?? [];
    if (state !== LISTEN || hex === undefined || port === undefined || inode === undefined) return [];
    return [{ address: addressOf(hex), port: Number.parseInt(port, 16), inode }];
  });
}

function addressOf(hex: string): string {
  const words = Buffer.from(hex, "hex");
  return ipaddr.fromByteArray([...words.swap32()]).toString();
}

/** Between two listings: the kernel walks its table of all connections for one, 20 ms and more. */
const LISTING_PAUSE_MS = 1000;
/** Everything that listens. */
const listListeners = shared(async () => {
  const tables = ["tcp", "tcp6"].map((name) => readFile(`/proc/self/net/${name}`, "utf8").catch(() => ""));
  return (await Promise.all(tables)).flatMap(parseListeners);
}, LISTING_PAUSE_MS);

const WILDCARDS = new Set(["0.0.0.0", "::"]);

/** Does a socket bound to `bound` take connections for `address`, or one of them if that is a wildcard? */
const takes = (bound: string, address: string): boolean =>
  bound === address || WILDCARDS.has(bound) || WILDCARDS.has(address);

/** Inodes of the listening sockets that take connections for this address and port. */
async function inodesOf(address: string, port: number): Promise<string[]> {
  const wanted = ipaddr.parse(address).toString();
  return (await listListeners())
    .filter((socket) => socket.port === port && takes(socket.address, wanted))
    .map((socket) => socket.inode);
}

/**
 * Whether the listener at this address and port belongs to a process in the cgroup: `own`, `none` when nobody listens,
 * `other` when somebody else does.
 */
export async function listenerOwner(
  address: string,
  port: number,
  controlGroup: string,
): Promise<"own" | "other" | "none"> {
  const inodes = await inodesOf(address, port);
  if (inodes.length === 0) return "none";
  const own = await socketsOf(controlGroup);
  return inodes.every((inode) => own.has(inode)) ? "own" : "other";
}

/** A descriptor and what it leads to: while it does, it is the same socket. */
export interface Held {
  readonly path: string;
  readonly link: string;
}

/** The descriptor by which a process of the cgroup holds the listener; null when it is not, or not only, theirs. */
export async function heldBy(address: string, port: number, controlGroup: string): Promise<Held | null> {
  const inodes = await inodesOf(address, port);
  const own = (await Promise.all((await processesOf(controlGroup)).map(descriptorsOf))).flat();
  const held = inodes.map((inode) => own.find(({ link }) => link === `socket:[${inode}]`));
  return held.every((one) => one !== undefined) ? (held[0] ?? null) : null;
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

/** Who listens at this address and port; null when nobody does, or nobody that can be seen. Looks at every process. */
export async function holderOf(address: string, port: number): Promise<Holder | null> {
  const inodes = new Set(await inodesOf(address, port));
  if (inodes.size === 0) return null;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if ((await socketsOfProcess(pid)).some((inode) => inodes.has(inode))) return describe(pid);
  }
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
  return `port ${port} is held by ${formatHolder(await holderOf(address, port))}`;
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

/** Inodes of every socket held open by processes of the cgroup. */
async function socketsOf(controlGroup: string): Promise<ReadonlySet<string>> {
  const inodes = await Promise.all((await processesOf(controlGroup)).map(socketsOfProcess));
  return new Set(inodes.flat());
}

async function processesOf(controlGroup: string): Promise<string[]> {
  const procs = await readFile(`/sys/fs/cgroup${controlGroup}/cgroup.procs`, "utf8").catch(() => "");
  return procs.split("\n").filter((pid) => pid !== "");
}

async function descriptorsOf(pid: string): Promise<Held[]> {
  const directory = `/proc/${pid}/fd`;
  const paths = (await readdir(directory).catch(() => [])).map((fd) => `${directory}/${fd}`);
  return Promise.all(paths.map(async (path) => ({ path, link: await readlink(path).catch(() => "") })));
}

const socketsOfProcess = async (pid: string): Promise<string[]> =>
  (await descriptorsOf(pid)).flatMap(({ link }) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
