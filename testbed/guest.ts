/** What tests hold in the hand of a machine, whatever it is made of: it runs programs in there as root, and all else by that. */
import { readFile } from "node:fs/promises";
import { INSTALLED } from "./host.ts";
import { type JournalEntry, type JournalQuery, journalArguments, parseJournal } from "./journal.ts";
import type { RunOptions, RunResult } from "./run.ts";
import { DEADLINE_MS, INTERVAL_MS, type Saw, type WaitOptions, waitFor } from "./wait.ts";

/** What runs in a machine sees this environment and nothing of ours. */
export const ENVIRONMENT = {
  HOME: "/root",
  LANG: "C.UTF-8",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
  TERM: process.env.TERM ?? "dumb",
};

/** Ends when it has booted; says `running`, or `degraded` where a unit of the image has failed. */
export const IS_UP = ["systemctl", "is-system-running", "--wait"];

export abstract class Guest implements AsyncDisposable {
  /** Unique on this host. */
  abstract readonly name: string;
  /** Every deadline is so many times longer in here than one would write it for the host. */
  readonly slowness: number = 1;
  /** Milliseconds between two probes in here. */
  readonly intervalMs: number = INTERVAL_MS;

  /** Why nothing can be run in it any more; null while it can. */
  get over(): Error | null {
    return null;
  }

  /** Runs a program as root. Rejects when it fails, unless `check` is false; see {@link run}. */
  abstract exec(argv: readonly string[], options?: RunOptions): Promise<RunResult>;

  /** Ends it and everything in it; resolves when nothing of it is left. */
  abstract down(): Promise<void>;

  /** Runs bash text as root; the first command that fails ends it. */
  async sh(script: string, options: RunOptions = {}): Promise<RunResult> {
    return await this.exec(["bash", "-euo", "pipefail", "-c", script], options);
  }

  /** Puts a file in place in one step, with the directories above it; `mode` default 0644. */
  async writeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const script = 'install -D -m "$2" /dev/null "$1.new" && cat >"$1.new" && mv -T "$1.new" "$1"';
    await this.exec(["sh", "-c", script, "sh", path, mode.toString(8)], { input: content });
  }

  async readFile(path: string): Promise<string> {
    return (await this.exec(["cat", "--", path])).stdout;
  }

  /** Copies a file of the host into the machine. */
  async copyIn(hostPath: string, path: string, mode = 0o644): Promise<void> {
    await this.writeFile(path, await readFile(hostPath), mode);
  }

  /** {@link waitFor} with this machine's name in the message, and with the patience it needs. */
  async waitFor<T>(description: string, probe: (saw: Saw) => T | Promise<T>, options: WaitOptions = {}) {
    const deadlineMs = (options.deadlineMs ?? DEADLINE_MS) * this.slowness;
    return await waitFor(`${description} in ${this.name}`, probe, {
      over: () => this.over,
      intervalMs: this.intervalMs,
      ...options,
      deadlineMs,
    });
  }

  /** Waits until `systemctl is-active` says `state` of `unit`; on failure the message ends with the unit's status. */
  async waitForUnit(unit: string, state = "active", options?: WaitOptions): Promise<void> {
    await this.waitFor(
      `${unit} ${state}`,
      async (saw) => {
        const now = (await this.exec(["systemctl", "is-active", unit], { check: false })).stdout.trim();
        if (now !== state) saw((await this.exec(["systemctl", "status", "--no-pager", unit], { check: false })).stdout);
        return now === state;
      },
      options,
    );
  }

  /** Journal entries, oldest first. Machines in namespaces share one kernel log: the kernel's entries are the whole host's. */
  async journal(query: JournalQuery = {}): Promise<JournalEntry[]> {
    const { stdout } = await this.exec(["journalctl", ...journalArguments(query)], { check: false });
    return parseJournal(stdout);
  }

  /** Where the journal ends now, for {@link JournalQuery.afterCursor}. */
  async journalCursor(): Promise<string> {
    const [last] = await this.journal({ lines: 1 });
    if (last === undefined) throw new Error(`${this.name}: the journal is empty`);
    return last.__CURSOR;
  }

  /** Installs the supervisor's units and accounts as on any systemd host; nothing is enabled or started. */
  async install(): Promise<void> {
    await this.exec([`${INSTALLED}/systemd/install`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}
