/** The records of living machines (`/run/opencode-testbed/NAME`), which guard.sh makes and clears. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupRoot, RECORDS, TREE } from "./host.ts";
import { openLog, readLog } from "./log.ts";
import { run } from "./run.ts";
import { waitFor } from "./wait.ts";

const GUARD = join(import.meta.dirname, "guard.sh");

export interface MachineRecord {
  readonly name: string;
  /** Pid of the process it belongs to; null when it was made by hand and stays until taken down. */
  readonly owner: number | null;
  /** Pid of its guard.sh. */
  readonly guard: number;
  /** Host path of its cgroup. */
  readonly cgroup: string;
  /** Host pid of its PID 1; null while it starts. */
  readonly pid: number | null;
}

/** The record of one machine; null when there is none, or it is only half made. */
export function readRecord(name: string): MachineRecord | null {
  const field = (file: string): string => {
    const path = join(RECORDS, name, file);
    return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  };
  const [guard, owner, pid] = [field("guard"), field("owner"), field("pid")];
  if (guard === "") return null;
  return {
    name,
    owner: owner === "none" ? null : Number(owner),
    guard: Number(guard),
    cgroup: field("cgroup"),
    pid: pid === "" ? null : Number(pid),
  };
}

/** Every machine on this host, whoever made it; what dead guards left behind is cleared first. */
export async function listRecords(): Promise<MachineRecord[]> {
  await run(["bash", GUARD, "sweep", RECORDS]);
  const names = readdirSync(RECORDS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.map(({ name }) => readRecord(name)).filter((record) => record !== null);
}

/** Ends a machine by way of its guard, whoever made it; resolves when its record is gone. */
export async function endMachine(name: string): Promise<void> {
  const record = (await listRecords()).find((each) => each.name === name); // the guard of one that is listed is alive
  if (record === undefined) return;
  process.kill(record.guard, "SIGTERM");
  await waitFor(`end of machine ${name}`, () => !existsSync(join(RECORDS, name)));
}

/** A running guard.sh of ours. */
export interface Guard {
  readonly pid: number | undefined;
  /** What it and the machine's console printed, once it has ended; null while it runs. */
  lastWords(): string | null;
  /** Ends the machine; resolves when nothing is left of it. */
  stop(): Promise<void>;
}

/**
 * Starts a machine and its guard. The guard's stdin is the tie to this process: when this process ends, however it ends,
 * the guard sees it and takes the machine away. With `keep` there is no such tie.
 */
export function startGuard(name: string, image: string, keep: boolean): Guard {
  const log = openLog();
  const child = spawn(
    "bash",
    [GUARD, "run", RECORDS, name, keep ? "none" : String(process.pid), machineCgroup(name), image, TREE],
    { detached: true, stdio: [keep ? "ignore" : "pipe", log, log] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  child.unref(); // a machine that a test forgot must not keep its process alive
  return {
    pid: child.pid,
    lastWords: () => (isOver() ? readLog(log) : null),
    async stop() {
      child.ref();
      if (!isOver()) child.kill("SIGTERM");
      await ended;
    },
  };
}

export const machineCgroup = (name: string): string => `${cgroupRoot()}/opencode-testbed-${name}`;
