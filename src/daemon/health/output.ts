/** The last lines that a failed unit wrote, from the journal: what an operator asks for first. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { mainUnit, setupUnit } from "../../spec/names.ts";
import { readUsage } from "../host/usage.ts";
import type { View } from "../instance/view.ts";
import type { UnitRecord } from "../systemd/port.ts";
import { plain } from "../text.ts";

const run = promisify(execFile);
const LINES = 5;
/** A server that fails in a loop says the same each time: so many are read to have {@link LINES} different ones. */
const READ = 20;

/** Reads a unit's last lines, repetitions left out; the journal's own `_SYSTEMD_UNIT` cannot be forged by what runs in the unit. */
async function readOutput(unit: string): Promise<string[]> {
  const query = ["--no-pager", "--output=json", "--output-fields=MESSAGE", `--lines=${READ}`, `_SYSTEMD_UNIT=${unit}`];
  // The journal takes lines in some time after they were written: ask for what is under way first.
  await run("journalctl", ["--sync"], { timeout: 5000 }).catch(() => undefined);
  const { stdout } = await run("journalctl", query, { timeout: 5000, maxBuffer: 1 << 20 });
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lastDifferent(lines.map(messageOf));
}

/** What is known of how a unit failed, beside what systemd says. */
export type LastWords = Pick<View, "output" | "oomKills">;
const NONE: LastWords = { output: [], oomKills: 0 };

/** A unit's last lines, and how many processes of its instance were killed for want of memory. */
export async function lastWords(unit: string, name: string): Promise<LastWords> {
  // Counted when it fails: the kernel kills before systemd hears of it.
  const { oomKills } = await readUsage(name);
  return { output: await readOutput(unit), oomKills: oomKills ?? 0 };
}

/** The last {@link LINES} lines, of those that repeat only the last one. Pure. */
export const lastDifferent = (lines: readonly string[]): string[] =>
  lines.filter((line, index) => lines.lastIndexOf(line) === index).slice(-LINES);

/** journald gives a message with bytes that are not text as a list of numbers, and one of more than 4096 bytes as null. */
function messageOf(line: string): string {
  const entry: unknown = JSON.parse(line);
  const message = typeof entry === "object" && entry !== null && "MESSAGE" in entry ? entry.MESSAGE : "";
  if (typeof message === "string") return plain(message);
  return Array.isArray(message) ? plain(Buffer.from(message).toString("utf8")) : "(a line too long to show)";
}

/** The unit that failed, if one did. */
function failedUnit({ name, main, setup }: View): [unit: string, record: UnitRecord] | null {
  if (setup?.active === "failed") return [setupUnit(name), setup];
  if (main !== null && (main.active === "failed" || main.sub === "auto-restart")) return [mainUnit(name), main];
  return null;
}

export class OutputWatch {
  readonly #read: (unit: string, name: string) => Promise<LastWords>;
  readonly #report: (name: string, words: LastWords) => void;
  /** The failure whose lines were asked for, by instance. */
  readonly #seen = new Map<string, string>();

  constructor(
    read: (unit: string, name: string) => Promise<LastWords>,
    report: (name: string, words: LastWords) => void,
  ) {
    this.#read = read;
    this.#report = report;
  }

  /** Read the lines of a failure once; forget them when nothing is failed any more. */
  follow(view: View): void {
    const failed = failedUnit(view);
    const key = failed === null ? "" : `${failed[0]}@${failed[1].since}`;
    if (key === (this.#seen.get(view.name) ?? "")) return;
    if (failed === null) {
      this.#seen.delete(view.name);
      this.#report(view.name, NONE);
      return;
    }
    this.#seen.set(view.name, key);
    this.#read(failed[0], view.name).then(
      (words) => {
        if (this.#seen.get(view.name) === key) this.#report(view.name, words);
      },
      () => undefined, // the journal cannot be read now: the exit status still says how it ended
    );
  }
}
