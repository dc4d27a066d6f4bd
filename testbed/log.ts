/** A file without a name, for what a program prints: nothing is left of it when the last who has it open is gone. */
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tail } from "./run.ts";

/** Its descriptor, for appending. */
export function openLog(): number {
  const directory = mkdtempSync(join(tmpdir(), "opencode-testbed-"));
  const log = openSync(join(directory, "log"), "a+");
  rmSync(directory, { recursive: true });
  return log;
}

/** The end of what is in it. */
export const readLog = (log: number): string => tail(readFileSync(`/proc/self/fd/${log}`, "utf8")).trim();
