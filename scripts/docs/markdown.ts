/** As much of Markdown as the tests of the documentation read. Pure. */

/** A fenced block: the words behind the fence, and what stands in it. */
export interface Fence {
  readonly info: readonly string[];
  readonly body: string;
  /** Of its first fence, from 1. */
  readonly line: number;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/** The fenced blocks of a page, and its other lines by their number from 1. */
export function parsePage(text: string): {
  readonly fences: readonly Fence[];
  readonly prose: readonly (readonly [number: number, line: string])[];
} {
  const fences: Fence[] = [];
  const prose: [number, string][] = [];
  let open: { readonly mark: string; readonly info: string[]; readonly line: number; readonly body: string[] } | null =
    null;
  for (const [index, line] of text.split("\n").entries()) {
    const [, mark = "", info = ""] = FENCE.exec(line) ?? [];
    if (open === null && mark === "") prose.push([index + 1, line]);
    else if (open === null) open = { mark, info: info.trim().split(/\s+/), line: index + 1, body: [] };
    else if (mark.startsWith(open.mark) && info.trim() === "") {
      fences.push({ info: open.info, body: `${open.body.join("\n")}\n`, line: open.line });
      open = null;
    } else open.body.push(line);
  }
  if (open !== null) throw new Error(`line ${open.line}: the block is not closed`);
  return { fences, prose };
}

const INLINE_CODE = /(`+)(.+?)\1/g;
const LINK = /!?\[(?:[^\]\\]|\\.)*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href|srcset)="([^"]+)"/g;

/** Where a page's links and pictures lead, with their line. What stands in code is none. */
export function linksOf(text: string): readonly { readonly line: number; readonly target: string }[] {
  return parsePage(text).prose.flatMap(([number, line]) =>
    [...line.replace(INLINE_CODE, "``").matchAll(LINK)].map(([, target, attribute]) => ({
      line: number,
      target: target ?? attribute ?? "",
    })),
  );
}

/** Code within a page's lines, with its line. */
export const inlineCodeOf = (text: string): readonly { readonly line: number; readonly code: string }[] =>
  parsePage(text).prose.flatMap(([line, content]) =>
    [...content.matchAll(INLINE_CODE)].map(([, , code = ""]) => ({ line, code: code.trim() })),
  );

/** What a `#` behind the page's name may say: its headings as GitHub names them, the second of the same name with `-1`. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, line] of parsePage(text).prose) {
    const heading = /^#{1,6} +(.+?) *#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const name = slug(heading);
    let unique = name;
    for (let n = 1; found.has(unique); n++) unique = `${name}-${n}`;
    found.add(unique);
  }
  return found;
}

const slug = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
