/** The last lines that a failed unit wrote, from the journal: what an operator asks for first. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { mainUnit, setupUnit } from "../../spec/names.ts";
import type { View } from "../instance/view.ts";
import type { UnitRecord } from "../systemd/port.ts";
import { plain } from "../text.ts";

const run = promisify(execFile);
const LINES = 5;
/** A server that fails in a loop says the same each time: so many are read to have {@link LINES} different ones. */
const READ = 20;

/** Reads a unit's last lines, repetitions left out; the journal's own `_SYSTEMD_UNIT` cannot be forged by what runs in the unit. */
export async function lastWords(unit: string): Promise<string[]> {
  const query = ["--no-pager", "--output=json", "--output-fields=MESSAGE", `--lines=${READ}`, `_SYSTEMD_UNIT=${unit}`];
  // The journal takes lines in some time after they were written: ask for what is under way first.
  await run("journalctl", ["--sync"], { timeout: 5000 }).catch(() => undefined);
  const { stdout } = await run("journalctl", query, { timeout: 5000, maxBuffer: 1 << 20 });
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lastDifferent(lines.map(messageOf));
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

export interface OutputPorts {
  /** A unit's last lines. */
  readonly lastWords: (unit: string) => Promise<readonly string[]>;
  /** How many processes of the instance were killed for want of memory. */
  readonly oomKills: (name: string) => number;
}

/** What is known of how a unit failed, beside what systemd says. */
type Found = Partial<Pick<View, "output" | "oomKills">>;

export class OutputWatch {
  readonly #ports: OutputPorts;
  readonly #report: (name: string, found: Found) => void;
  /** The failure whose lines were asked for, by instance. */
  readonly #seen = new Map<string, string>();

  constructor(ports: OutputPorts, report: (name: string, found: Found) => void) {
    this.#ports = ports;
    this.#report = report;
  }

  /** Read the lines of a failure once; forget them when nothing is failed any more. */
  follow(view: View): void {
    const failed = failedUnit(view);
    const key = failed === null ? "" : `${failed[0]}@${failed[1].since}`;
    if (key === (this.#seen.get(view.name) ?? "")) return;
    if (failed === null) {
      this.#seen.delete(view.name);
      this.#report(view.name, { output: [], oomKills: 0 });
      return;
    }
    this.#seen.set(view.name, key);
    // At once, for whoever is told of the failure; the kernel counts before systemd hears of it.
    const oomKills = this.#ports.oomKills(view.name);
    if (oomKills !== view.oomKills) this.#report(view.name, { oomKills });
    this.#ports.lastWords(failed[0]).then(
      (output) => {
        if (this.#seen.get(view.name) === key) this.#report(view.name, { output });
      },
      () => undefined, // the journal cannot be read now: the exit status still says how it ended
    );
  }
}
