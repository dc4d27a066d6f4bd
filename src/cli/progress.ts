/**
 * What is going on, while something takes long: on a terminal one line that changes, for everything else a line now and then.
 * Plain text: no colour to switch off.
 */
import { stripVTControlCharacters } from "node:util";

/** Lines for what is no terminal come no more often than this, in milliseconds. */
const NOW_AND_THEN_MS = 5000;

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressLine {
  /** The latest; what was said before is replaced by it. */
  show(text: string): void;
  /** Nothing more comes: the terminal's line is taken away, and what was last said and not yet shown is shown elsewhere. */
  end(): void;
}

/** @param output standard error, as a rule: what is on standard output is the answer */
export function progressLine(
  output: Output = process.stderr,
  env: Readonly<Record<string, string | undefined>> = process.env,
  now: () => number = () => performance.now(),
): ProgressLine {
  const isLive = output.isTTY === true && env.TERM !== "dumb";
  return isLive ? onTerminal(output) : inLines(output, now);
}

function onTerminal(output: Output): ProgressLine {
  let shown = "";
  return {
    show: (text) => {
      // Some terminals say that they have no columns.
      const line = stripVTControlCharacters(text).slice(0, (output.columns || 80) - 1);
      if (line !== shown) output.write(`\r${line}\u001b[K`);
      shown = line;
    },
    end: () => {
      if (shown !== "") output.write("\r\u001b[K");
      shown = "";
    },
  };
}

function inLines(output: Output, now: () => number): ProgressLine {
  let shown: string | null = null;
  let latest: string | null = null;
  let at = Number.NEGATIVE_INFINITY;
  const print = (): void => {
    if (latest === shown || latest === null) return;
    output.write(`${latest}\n`);
    shown = latest;
    at = now();
  };
  return {
    show: (text) => {
      latest = text;
      if (now() - at >= NOW_AND_THEN_MS) print();
    },
    end: print,
  };
}
