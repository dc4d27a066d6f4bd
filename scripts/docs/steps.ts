/**
 * What a page tells its reader to type, and what it says that they see. Pure. The words behind a fence:
 *
 *   sh            run by root on the host; ends well
 *   sh exit=1     … ends with this exit status
 *   sh until      run again until it prints what the next `console` block shows
 *   sh clone      run in a clone, on the host that builds
 *   sh elsewhere  for another machine, or needs what no test has: shown only
 *   console       what the block before it prints; `…` is any text, and dates, times and numbers that stand alone are any
 */
import { stripVTControlCharacters } from "node:util";
import { parsePage } from "./markdown.ts";

export type Place = "host" | "clone" | "elsewhere";

export interface Step {
  readonly line: number;
  readonly place: Place;
  readonly script: string;
  readonly exit: number;
  readonly isRepeated: boolean;
  /** What the page shows of its output; null when it shows none. */
  readonly output: string | null;
}

const WORDS = /^(clone|elsewhere|until|exit=\d+)$/;

/** The steps of a page, in order. Throws for a fence that says what is not known here. */
export function stepsOf(page: string): Step[] {
  const { fences } = parsePage(page);
  return fences.flatMap(({ info: [language, ...words], body, line }, index) => {
    if (language !== "sh") return [];
    const unknown = words.find((word) => !WORDS.test(word));
    if (unknown !== undefined)
      throw new Error(`line ${line}: no meaning is given to ${unknown}; see scripts/docs/steps.ts`);
    const next = fences[index + 1];
    const output = next?.info[0] === "console" ? next.body : null;
    const isRepeated = words.includes("until");
    if (isRepeated && output === null) throw new Error(`line ${line}: until what? a console block is to follow`);
    const exit = Number(words.find((word) => word.startsWith("exit="))?.slice("exit=".length) ?? 0);
    const place = words.includes("clone") ? "clone" : words.includes("elsewhere") ? "elsewhere" : "host";
    return [{ line, place, script: body, exit, isRepeated, output }];
  });
}

/** What differs each time: in a page `2026-11-21 06:02:03` and `330`, but not `8787` in `127.0.0.1:8787`. */
const VARYING = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?|(?<![\w.:/-])\d+(?![\w.:/-])|…/g;
const SAME_KIND: readonly (readonly [kind: RegExp, pattern: string])[] = [
  [/^…$/, ".*"],
  [/^\d+$/, "\\d+"],
  [/-/, "\\d{4}-\\d\\d-\\d\\d[ T]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?"],
];

/** Text of a page as a pattern: runs of blanks are one, as the width of a column follows from what stands in it. */
export function patternOf(shown: string): RegExp {
  const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  let from = 0;
  let source = "";
  const text = squeezed(shown);
  for (const { 0: varying, index } of text.matchAll(VARYING)) {
    const pattern = SAME_KIND.find(([kind]) => kind.test(varying))?.[1] ?? "";
    source += literal(text.slice(from, index)) + pattern;
    from = index + varying.length;
  }
  return new RegExp(`^${source}${literal(text.slice(from))}$`, "s");
}

/** Without colours, blanks as one, no blank lines at the ends. */
export const squeezed = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/[ \t]+/g, " ")
    .replace(/ $/gm, "")
    .trim();

/** Whether a program printed what the page shows. */
export const isAsShown = (shown: string, printed: string): boolean => patternOf(shown).test(squeezed(printed));
