/**
 * A disposable machine: Debian with systemd as PID 1, in namespaces of its own. See README.md.
 * What it is made of is in guard.sh (its keeper) and init.sh (its file system); this file is what tests hold in the hand.
 */
import { readFileSync } from "node:fs";
import { ENVIRONMENT, Guest, IS_UP } from "./guest.ts";
import { obstacle } from "./host.ts";
import { image } from "./image.ts";
import { endMachine, type Guard, machineCgroup, readRecord, startGuard } from "./records.ts";
import { type RunOptions, type RunResult, run } from "./run.ts";
import type { Suite } from "./suites.ts";
import { type Saw, waitFor } from "./wait.ts";

export interface UpOptions {
  /** What the machine is for, `[a-z0-9-]{1,30}`; its name is this and something unique to the process. Default `machine`. */
  readonly name?: string;
  /** Keep it when this process ends (`npm run machine -- up`); its name is then exactly `name`. Default false. */
  readonly keep?: boolean;
  /** The Debian it is made of; see {@link usualSuite} for the one it is otherwise. */
  readonly suite?: Suite;
  /** Told what is going on when it takes long (building the image). */
  readonly say?: (line: string) => void;
}

const GONE = 0;
let made = 0;

export class Machine extends Guest {
  /** Unique on this host; the machine's host name as well. */
  readonly name: string;
  /** Host pid of the machine's systemd. */
  readonly pid: number;
  /** Host path of the machine's cgroup, which is the root of the tree its systemd sees. */
  readonly cgroup: string;
  readonly #stop: () => Promise<void>;

  private constructor(name: string, pid: number, cgroup: string, stop: () => Promise<void>) {
    super();
    this.name = name;
    this.pid = pid;
    this.cgroup = cgroup;
    this.#stop = stop;
  }

  /** Boots a machine and resolves when systemd says `running` or `degraded`: about a second once the image is there. */
  static async up(options: UpOptions = {}): Promise<Machine> {
    const why = obstacle();
    if (why !== null) throw new Error(why);
    const label = options.name ?? "machine";
    if (!/^[a-z0-9-]{1,30}$/.test(label)) throw new Error(`machine name ${label}: write 1 to 30 of a-z, 0-9 and -`);
    const name = options.keep ? label : `${label}-${process.pid}-${++made}`;
    const guard = startGuard(name, await image(options.say, options.suite), options.keep ?? false);
    try {
      return new Machine(name, await booted(name, guard), machineCgroup(name), guard.stop);
    } catch (error) {
      await guard.stop();
      throw error;
    }
  }

  /** A machine that another process made, by its exact name (as `npm run machine -- list` shows it). */
  static attach(name: string): Machine {
    const record = readRecord(name);
    if (record === null || record.pid === null)
      throw new Error(`no machine ${name}; npm run machine -- list shows all`);
    return new Machine(name, record.pid, record.cgroup, () => endMachine(name));
  }

  /** The command line on the host that runs `argv` in this machine as root; give it {@link ENVIRONMENT}. */
  enter(argv: readonly string[]): string[] {
    return enter(this.pid, argv);
  }

  /** Runs a program as root. Rejects when it fails, unless `check` is false; see {@link run}. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const env = { ...ENVIRONMENT, ...options.env };
    return await run(this.enter(argv), { ...options, env }, `${this.name}: ${argv.join(" ")}`);
  }

  /** Ends it and everything in it; resolves when nothing of it is left. */
  async down(): Promise<void> {
    await this.#stop();
  }
}

/**
 * What runs so is in the caller's cgroup, outside of the machine's tree: for its systemd in no unit, for its nft in no
 * slice. Moving it inside would cost 140 ms a call (the kernel waits for an RCU grace period) against 3.
 */
const enter = (pid: number, argv: readonly string[]): string[] => [
  ...["nsenter", "-m", "-p", "-u", "-i", "-C", "-n", "-t", String(pid), "--"],
  ...argv,
];

/** Resolves to the host pid of the machine's systemd once that has booted. */
async function booted(name: string, guard: Guard): Promise<number> {
  const probe = async (saw: Saw): Promise<number | false> => {
    if (guard.lastWords() !== null) return GONE;
    const record = readRecord(name);
    if (record === null || record.pid === null || record.guard !== guard.pid) return false;
    const { pid } = record;
    const comm = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    saw(`PID 1 is ${comm}`);
    if (comm !== "systemd") return false; // its mounts may still be the host's, and so would be its systemctl
    const { stdout, stderr } = await run(enter(pid, IS_UP), { env: ENVIRONMENT, check: false });
    saw(`${stdout}${stderr}`);
    return /^(running|degraded)$/.test(stdout.trim()) && pid;
  };
  const pid = await waitFor(`boot of machine ${name}`, probe, { deadlineMs: 60_000 });
  if (pid === GONE) throw new Error(`machine ${name} ended while it started: ${guard.lastWords()}`);
  return pid;
}
