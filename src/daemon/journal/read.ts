/** An instance's lines in the journal: both its units', by `_SYSTEMD_UNIT`, which what runs in a unit cannot forge. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { mainUnit, setupUnit } from "../../spec/names.ts";
import { Refusal } from "../api/problems.ts";
import { plain } from "../text.ts";

const run = promisify(execFile);
/** journalctl(1) run at once, and how many may wait for their turn. */
const AT_ONCE = 4;
const WAITING_MOST = 32;
const LINE_MOST = 2000;
/** 1000 lines of 4096 bytes, each of these as a number (`255,`), with what stands around them. */
const BYTES_MOST = 20 << 20;
const TIMEOUT_MS = 5000;

export interface LogQuery {
  readonly lines: number;
  /** Only what came after this; a cursor of {@link LogPage}. */
  readonly after: string | null;
}

export interface LogPage {
  readonly lines: { readonly at: string; readonly unit: string; readonly priority: number; readonly message: string }[];
  /** Where the next page begins; null while there is nothing in the journal. */
  readonly cursor: string | null;
}

/** What journalctl is asked: for several units the matches of one field are alternatives. */
export function journalArguments(name: string, { lines, after }: LogQuery): string[] {
  const matches = [mainUnit(name), setupUnit(name)].map((unit) => `_SYSTEMD_UNIT=${unit}`);
  const from = after === null ? [`--lines=${lines}`] : [`--after-cursor=${after}`, `--lines=+${lines}`];
  const fields = "--output-fields=MESSAGE,PRIORITY,_SYSTEMD_UNIT";
  return ["--no-pager", "--quiet", "--output=json", fields, ...from, ...matches];
}

/** Reader of instances' lines. Bounded: what asks beyond that is refused with `busy`. */
export function logReader(journalctl: (args: readonly string[]) => Promise<string> = askJournal) {
  let running = 0;
  const waiting: (() => void)[] = [];
  const turn = async (): Promise<void> => {
    if (running < AT_ONCE) running++;
    else if (waiting.length >= WAITING_MOST)
      throw new Refusal("busy", "too many read the journal; try again in a second");
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const done = (): void => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  return async (name: string, query: LogQuery): Promise<LogPage> => {
    await turn();
    try {
      return pageOf(await journalctl(journalArguments(name, query)), query.after);
    } finally {
      done();
    }
  };
}
export type LogReader = ReturnType<typeof logReader>;

async function askJournal(args: readonly string[]): Promise<string> {
  try {
    return (await run("journalctl", args, { timeout: TIMEOUT_MS, maxBuffer: BYTES_MOST })).stdout;
  } catch (error) {
    throw new Refusal("no-journal", plain(`journalctl: ${error instanceof Error ? error.message : String(error)}`));
  }
}

/** journalctl's lines of JSON as a page. */
export function pageOf(stdout: string, after: string | null): LogPage {
  const entries = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map(entryOf);
  return { lines: entries.map(({ cursor: _, ...line }) => line), cursor: entries.at(-1)?.cursor ?? after };
}

function entryOf(line: string) {
  const parsed: unknown = JSON.parse(line);
  const entry: Readonly<Record<string, unknown>> = typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  return {
    at: new Date(Number(entry.__REALTIME_TIMESTAMP ?? 0) / 1000).toISOString(),
    unit: String(entry._SYSTEMD_UNIT ?? ""),
    priority: Number(entry.PRIORITY ?? 6),
    message: messageText(entry.MESSAGE),
    cursor: String(entry.__CURSOR ?? ""),
  };
}

/** journald gives a message with bytes that are not text as a list of numbers, and one of more than 4096 bytes as null. */
export function messageText(message: unknown): string {
  if (typeof message === "string") return plain(message, LINE_MOST);
  return Array.isArray(message) ? plain(Buffer.from(message).toString("utf8"), LINE_MOST) : "(a line too long to show)";
}
