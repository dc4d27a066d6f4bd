/**
 * Lanes: hosts beside each other, each a network namespace with rules of its own and a cable to a server. One sender in each
 * works in short slices, in turns with those of all other lanes, so that whatever else the machine does falls on all of them alike.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { waitFor } from "../testbed/wait.ts";

const OWN = "192.0.2.1";
export const PEER = "192.0.2.2";
const PORT = "8080";
export type Kind = "tcp" | "udp";

/** Who sends. */
export interface Sender {
  /** `cgroup.procs` of its cgroup. */
  readonly procs: string;
  readonly uid?: number;
}

type Program = ChildProcessByStdio<Writable, Readable, null>;

export class Lane {
  readonly #senders: ReadonlyMap<string, { child: Program; lines: AsyncIterator<string> }>;
  readonly #children: readonly Program[];

  private constructor(senders: ReadonlyMap<string, Program>, children: readonly Program[]) {
    const heard = [...senders].map(([from, child]) => {
      return [from, { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }] as const;
    });
    this.#senders = new Map(heard);
    this.#children = children;
  }

  /** `load`: the compiled load.c. `rules`: text for nft, loaded in the lane's namespace. */
  static async up(load: string, senders: Readonly<Record<string, Sender>>, rules: string): Promise<Lane> {
    const server = await inNamespace(`read go; exec ${load} serve ${PEER} ${PORT}`);
    const host = await inNamespace("read go; exec cat");
    try {
      return await Lane.#between(server, host, load, senders, rules);
    } catch (error) {
      for (const child of [server, host]) child.kill("SIGKILL");
      throw error;
    }
  }

  static async #between(
    server: Program,
    host: Program,
    load: string,
    senders: Readonly<Record<string, Sender>>,
    rules: string,
  ): Promise<Lane> {
    const at = (child: Program, ...argv: string[]) => ["nsenter", "-t", String(child.pid), "-n", "--", ...argv];
    const exec = ([file = "", ...args]: string[], input = "") => execFileSync(file, args, { input });
    const ip = (child: Program, ...args: string[]) => exec(at(child, "ip", ...args));
    ip(host, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", String(server.pid));
    for (const [child, address] of [[host, OWN] as const, [server, PEER] as const]) {
      ip(child, "address", "add", `${address}/24`, "dev", "eth0");
      ip(child, "link", "set", "eth0", "up");
    }
    server.stdin.write("\n");
    await once(server.stdout, "data");
    if (rules !== "") exec(at(host, "nft", "-f", "-"), rules);
    const started = Object.entries(senders).map(([from, { procs, uid = 0 }]) => {
      const [file = "", ...args] = at(host, load, "lane", PEER, PORT, String(uid), procs);
      return [from, spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] })] as const;
    });
    return new Lane(new Map(started), [server, host, ...started.map(([, child]) => child)]);
  }

  /** Nanoseconds of CPU time an operation takes, over so many milliseconds. */
  async slice(from: string, kind: Kind, milliseconds: number): Promise<number> {
    const sender = this.#senders.get(from);
    if (sender === undefined) throw new Error(`nobody sends from ${from}`);
    sender.child.stdin.write(`${kind} ${milliseconds}\n`);
    const said = await sender.lines.next();
    if (said.done === true) throw new Error(`the sender from ${from} has ended`);
    const [done = 0, cpu = 0] = said.value.split(" ").map(Number);
    return cpu / done;
  }

  down(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

/** A shell in a network namespace of its own. */
async function inNamespace(script: string): Promise<Program> {
  const child = spawn("unshare", ["--net", "--", "sh", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const namespace = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/net`);
  await waitFor("a network namespace", () => child.pid !== undefined && namespace(child.pid) !== namespace("self"));
  return child;
}
