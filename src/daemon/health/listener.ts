/**
 * Whose is a listening socket? The password goes only to a server that belongs to the instance: another agent on the
 * host may have taken the port first. Sources: proc_pid_net(5) `tcp`, `tcp6`; cgroups(7) `cgroup.procs`.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import ipaddr from "ipaddr.js";
import { shared } from "../shared.ts";

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

/** Everything that listens. The kernel walks its table of all connections for this, 10 ms and more each time: callers share. */
const listListeners = shared(async () => {
  const tables = ["tcp", "tcp6"].map((name) => readFile(`/proc/self/net/${name}`, "utf8").catch(() => ""));
  return (await Promise.all(tables)).flatMap(parseListeners);
});

const WILDCARDS = new Set(["0.0.0.0", "::"]);

/** Does a socket bound to `bound` take connections for `address`? */
const takes = (bound: string, address: string): boolean => bound === address || WILDCARDS.has(bound);

/**
 * Whether the listener at this address and port belongs to a process in the cgroup: `own`, `none` when nobody listens,
 * `other` when somebody else does.
 */
export async function listenerOwner(
  address: string,
  port: number,
  controlGroup: string,
): Promise<"own" | "other" | "none"> {
  const wanted = ipaddr.parse(address).toString();
  const inodes = (await listListeners())
    .filter((socket) => socket.port === port && takes(socket.address, wanted))
    .map((socket) => socket.inode);
  if (inodes.length === 0) return "none";
  const own = await socketsOf(controlGroup);
  return inodes.every((inode) => own.has(inode)) ? "own" : "other";
}

/** Inodes of every socket held open by processes of the cgroup. */
async function socketsOf(controlGroup: string): Promise<ReadonlySet<string>> {
  const procs = await readFile(`/sys/fs/cgroup${controlGroup}/cgroup.procs`, "utf8").catch(() => "");
  const pids = procs.split("\n").filter((pid) => pid !== "");
  const inodes = await Promise.all(pids.map(socketsOfProcess));
  return new Set(inodes.flat());
}

async function socketsOfProcess(pid: string): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const fds = await readdir(directory).catch(() => []);
  const links = await Promise.all(fds.map((fd) => readlink(`${directory}/${fd}`).catch(() => "")));
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}
