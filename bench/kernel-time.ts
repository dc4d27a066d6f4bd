/** How long the kernel takes over a batch of nftables, apart from what libnftables does around it: by strace(1), from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { waitFor } from "../testbed/wait.ts";

/** `sendmsg(21, {sa_family=AF_NETLINK…}, 0) = 8076 <0.005669>`: the kernel works off the whole batch before it returns. */
const BATCH = /^\d+ +sendmsg\(.*AF_NETLINK.* = \d+ <(\d+\.\d+)>$/gm;

export class KernelTime {
  readonly #strace: ChildProcess;
  readonly #file: string;

  private constructor(strace: ChildProcess, file: string) {
    this.#strace = strace;
    this.#file = file;
  }

  /** Looks at this process from now on; null where there is no strace. `file` is written to. */
  static async start(file: string): Promise<KernelTime | null> {
    const argv = ["-f", "-T", "-s", "0", "-e", "trace=sendmsg", "-p", String(process.pid), "-o", file];
    const strace = spawn("strace", argv, { stdio: "ignore" });
    const failed = once(strace, "error").then(() => true);
    const attached = waitFor("strace", () => !/^TracerPid:\t0$/m.test(readFileSync("/proc/self/status", "utf8")));
    return (await Promise.race([failed, attached])) === true && strace.pid === undefined
      ? null
      : new KernelTime(strace, file);
  }

  /** Milliseconds of each batch since the start, in order. */
  async end(): Promise<number[]> {
    const ended = once(this.#strace, "close");
    this.#strace.kill("SIGINT");
    await ended;
    return [...readFileSync(this.#file, "utf8").matchAll(BATCH)].map(([, seconds]) => 1000 * Number(seconds));
  }
}
