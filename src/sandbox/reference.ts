/** The made parts of `docs/sandbox.md`: run this file to bring the page up to date; `reference.test.ts` sees that it is. */
import { readFileSync, writeFileSync } from "node:fs";
import { HOST_FILES } from "../spec/names.ts";
import baseline from "./baseline.json" with { type: "json" };
import type { Entry } from "./baseline.ts";
import { type HostKind, plainPath, RUNTIME } from "./host.ts";

const PAGE = new URL("../../docs/sandbox.md", import.meta.url);
const code = (text: string): string => `\`${text}\``;

const lines = (value: Entry["value"]): readonly string[] => (typeof value === "string" ? [value] : value);

/** What an older systemd gives instead. */
function older({ since, before, lost }: Entry): string {
  if (since === undefined) return "";
  const instead = before === undefined ? "left out" : lines(before).map(code).join(", ");
  return ` Before systemd ${since} ${instead}${lost === undefined ? "" : `: ${lost}`}.`;
}

function directive([name, entry]: [string, Entry]): string {
  const values = lines(entry.value);
  return `| ${values.map((value) => code(`${name}=${value}`)).join("<br>")} | ${entry.why}.${older(entry)} |`;
}

const DIRECTIVES = ["| directive | why |", "| --- | --- |", ...Object.entries<Entry>(baseline).map(directive)];

const list = (paths: readonly string[]): string => paths.map((path) => code(plainPath(path))).join(", ");

/** What an instance of this kind of host finds; where the files are kept is no place to look at. */
function paths(kind: HostKind): string {
  const { runtimePaths, links, files, directories } = RUNTIME[kind];
  const bound = runtimePaths.filter((path) => !path.startsWith(HOST_FILES));
  return `${list([...bound, ...links])}; kept as they are on the host: ${list([...files, ...directories])}`;
}

const PATHS = [`- with \`/usr\`: ${paths("fhs")}`, `- NixOS: ${paths("nixos")}`];

const PARTS: Readonly<Record<string, readonly string[]>> = { directives: DIRECTIVES, "runtime paths": PATHS };

/** The page with its made parts as they are to be now. */
export function upToDate(page: string): string {
  return Object.entries(PARTS).reduce((text, [name, rows]) => {
    const [start, end] = [`<!-- ${name}: made by src/sandbox/reference.ts -->`, `<!-- end of ${name} -->`];
    const [before, rest] = text.split(`${start}\n`);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined)
      throw new Error(`docs/sandbox.md has lost its marks ${start}, ${end}`);
    return `${before}${start}\n\n${rows.join("\n")}\n\n${end}${after}`;
  }, page);
}

export const readPage = (): string => readFileSync(PAGE, "utf8");

if (import.meta.main) writeFileSync(PAGE, upToDate(readPage()));
