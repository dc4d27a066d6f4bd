/**
 * One host, a network namespace, with a cable to another; on it senders that work in short slices, and rulesets that take turns.
 * Everything but the ruleset is the same in every lane: processes, sockets, addresses, connection table, memory they are in.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { waitFor } from "../testbed/wait.ts";

const OWN = "192.0.2.1";
const PEER = "192.0.2.2";
const FIRST_PORT = 8080;
export type Kind = "tcp" | "udp";

/** Who sends. */
interface Who {
  /** `cgroup.procs` of its cgroup. */
  readonly procs: string;
  readonly uid?: number;
}

/** A ruleset that takes turns with others: text for nft that puts it in force, and that takes it out of force. */
export interface Lane {
  readonly on: string;
  readonly off: string;
}

type Program = ChildProcessByStdio<Writable, Readable, null>;

const exec = (file: string, args: readonly string[], input = "") => execFileSync(file, args, { input });
/** Runs text for nft in the namespace this process is in. */
export const nft = (text: string): void => {
  if (text !== "") exec("nft", ["-f", "-"], text);
};

/** Loads a table; what has it take turns with others: the hooks of a dormant table are not there. */
export function dormant(table: string, text: string): Lane {
  const lane = { on: `add table ${table}\n`, off: `add table ${table} { flags dormant; }\n` };
  nft(text);
  nft(lane.off);
  return lane;
}

export class Sender {
  readonly #child: Program;
  readonly #lines: AsyncIterator<string>;

  constructor(child: Program) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** Nanoseconds of CPU time an operation takes, slice by slice. */
  async slices(kind: Kind, count: number, operations: number): Promise<number[]> {
    this.#child.stdin.write(`${kind} ${count} ${operations}\n`);
    const said = await this.#lines.next();
    if (said.done === true) throw new Error("a sender has ended");
    return said.value
      .trim()
      .split(" ")
      .map((each) => Number(each) / operations);
  }
}

export class Host {
  readonly #load: string;
  readonly #peer: Program;
  readonly #children: Program[];

  private constructor(load: string, peer: Program) {
    this.#load = load;
    this.#peer = peer;
    this.#children = [peer];
  }

  /** The namespace this process is in becomes the host. `load`: the compiled load.c. */
  static async up(load: string): Promise<Host> {
    const peer = spawn("unshare", ["--net", "--", "cat"], { stdio: ["pipe", "pipe", "inherit"] });
    const host = new Host(load, peer);
    const namespace = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/net`);
    await waitFor("a network namespace", () => peer.pid !== undefined && namespace(peer.pid) !== namespace("self"));
    exec("ip", ["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", String(peer.pid)]);
    for (const [prefix, address] of [[[], OWN] as const, [["nsenter", "-t", String(peer.pid), "-n"], PEER] as const]) {
      for (const args of [
        ["address", "add", `${address}/24`, "dev", "eth0"],
        ["link", "set", "eth0", "up"],
      ]) {
        const [file = "", ...rest] = [...prefix, "ip", ...args];
        exec(file, rest);
      }
    }
    return host;
  }

  sender({ procs, uid = 0 }: Who): Sender {
    const port = String(FIRST_PORT + this.#children.length);
    const args = ["lane", `/proc/${this.#peer.pid}/ns/net`, PEER, port, String(uid), procs];
    const child = spawn(this.#load, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#children.push(child);
    return new Sender(child);
  }

  down(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}
