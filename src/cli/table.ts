/** Tables and colours for people. Pure, but for what the terminal is. */

type Row = readonly string[];

/** Columns padded to their widest cell, two spaces between; those of numbers, below their heading, stand at the right. */
export function columns(rows: readonly Row[]): string[] {
  const widths = widthsOf(rows);
  const [, ...below] = rows;
  const areNumbers = widths.map((_, index) => {
    const cells = below.map((row) => row[index] ?? "").filter((cell) => cell !== "-");
    return cells.length > 0 && cells.every((cell) => /^\d+$/.test(cell));
  });
  return rows.map((row) =>
    row
      .map((cell, index) => (areNumbers[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

const widthsOf = (rows: readonly Row[]): number[] =>
  rows.reduce<number[]>((most, row) => row.map((cell, index) => Math.max(most[index] ?? 0, cell.length)), []);

/** The same, no wider than `width`: the widest column gives, its cells end in `…`. */
export function fitted(rows: readonly Row[], width: number): string[] {
  const widths = widthsOf(rows);
  const gaps = 2 * Math.max(0, widths.length - 1);
  while (widths.reduce((sum, each) => sum + each, gaps) > width) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= LEAST) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return columns(rows.map((row) => row.map((cell, index) => cut(cell, widths[index] ?? 0))));
}
const LEAST = 4;
const cut = (cell: string, width: number): string => (cell.length <= width ? cell : `${cell.slice(0, width - 1)}…`);

/**
 * The same, no wider than `width`, with nothing left out: the last column goes on below itself, or where there is little room
 * below the line, broken after spaces and commas.
 */
export function folded(rows: readonly Row[], width: number): string[] {
  const before = widthsOf(rows.map((row) => row.slice(0, -1)));
  const left = width - before.reduce((sum, each) => sum + each + 2, 0);
  const isBeside = left >= LEAST_BESIDE;
  const cells = rows.map((row) => {
    const last = row.at(-1) ?? "";
    return isBeside || last.length <= left ? pieces(last, left) : ["", ...pieces(last, width - INDENT.length)];
  });
  const lines = columns(rows.map((row, index) => [...row.slice(0, -1), cells[index]?.[0] ?? ""]));
  const indent = isBeside ? " ".repeat(width - left) : INDENT;
  return lines.flatMap((line, index) => [
    line,
    ...(cells[index] ?? []).slice(1).map((piece) => (indent + piece).trimEnd()),
  ]);
}
const LEAST_BESIDE = 40;
const INDENT = "      ";

/** `text` in pieces of `width` at most; what has neither space nor comma in it is cut where it must be. */
function pieces(text: string, width: number): string[] {
  const words = text.split(/(?<=[ ,])/).flatMap((word) => (word.length <= width ? [word] : chopped(word, width)));
  const lines: string[] = [];
  for (const word of words) {
    const longer = `${lines.at(-1) ?? ""}${word}`;
    if (longer.trimEnd().length <= width) lines.splice(-1, 1, longer);
    else lines.push(word);
  }
  return lines;
}
const chopped = (word: string, width: number): string[] =>
  Array.from({ length: Math.ceil(word.length / width) }, (_, index) => word.slice(index * width, (index + 1) * width));

/** What is written to, as far as it matters here. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
}
type Environment = Readonly<Record<string, string | undefined>>;

/** Columns that a person sees at once; what is read by a program is not cut. */
export const widthOf = ({ isTTY, columns: seen }: Screen): number =>
  isTTY === true ? Math.max(40, seen ?? 80) : Number.POSITIVE_INFINITY;

/** Only on a terminal, and not when NO_COLOR is set to anything (no-color.org). */
export const hasColour = ({ isTTY }: Screen, { NO_COLOR = "", TERM }: Environment): boolean =>
  isTTY === true && NO_COLOR === "" && TERM !== "dumb";

const GREEN = 32;
const YELLOW = 33;
const RED = 31;
const COLOURS: Readonly<Record<string, number>> = {
  ...{ ready: GREEN, ok: GREEN },
  ...{
    starting: YELLOW,
    "setting-up": YELLOW,
    stopping: YELLOW,
    waiting: YELLOW,
    "backing-off": YELLOW,
    warning: YELLOW,
  },
  ...{
    failed: RED,
    unhealthy: RED,
    blocked: RED,
    invalid: RED,
    error: RED,
    "NOT IN FORCE": RED,
    missing: RED,
    AUDIT: YELLOW,
    weaker: YELLOW,
  },
};
const WORD = new RegExp(`(?<=  )(${Object.keys(COLOURS).join("|")})(?=  |$)`, "g");

/** Paints the words for states where they stand alone in a column after the first. */
export const painted = (line: string, isColoured: boolean): string =>
  isColoured ? line.replace(WORD, (word) => `\u001b[${COLOURS[word]}m${word}\u001b[0m`) : line;

/** A list of names and values as it shows it: nothing is left out. */
export const listed = (rows: readonly Row[], screen: Screen = process.stdout): string[] =>
  folded(rows, widthOf(screen));

/** A table as this process's standard output shows it. */
export function shown(rows: readonly Row[], screen: Screen = process.stdout, env: Environment = process.env): string[] {
  return fitted(rows, widthOf(screen)).map((line) => painted(line, hasColour(screen, env)));
}
