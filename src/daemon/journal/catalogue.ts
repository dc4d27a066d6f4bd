/**
 * What is made from the catalogue of events: the journal's message catalogue and the page about events.
 * `node src/daemon/journal/catalogue.ts --write` makes both anew; a test says when they are stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { type EventKind, eventKinds } from "./messages.ts";

const CATALOGUE_FILE = new URL("../../../systemd/opencode-supervisor.catalog", import.meta.url);
const PAGE_FILE = new URL("../../../docs/reference/events.md", import.meta.url);
const START = "<!-- kinds: made by src/daemon/journal/catalogue.ts -->";
const END = "<!-- end of kinds -->";

/** The journal's message catalogue, in the format of systemd's "Journal Message Catalogs". */
export const catalogue = (): string =>
  eventKinds()
    .map(
      ([, { id, subject, text }]) =>
        `-- ${id}\nSubject: ${subject}\nDefined-By: opencode-supervisor\n\n${text.join("\n\n")}\n`,
    )
    .join("\n");

/** `@OPENCODE_INSTANCE@` as a page shows it: `<instance>`. */
const shown = (text: string): string =>
  text.replace(/@OPENCODE_([A-Z_]+)@/g, (_, name: string) => `*${name.toLowerCase()}*`);

function section([kind, { id, subject, text, fields }]: readonly [string, EventKind]): string {
  const rows = Object.entries(fields).map(
    ([name, meaning]) => `| \`${name}\` | \`OPENCODE_${name.toUpperCase()}\` | ${meaning} |`,
  );
  const table = rows.length === 0 ? [] : ["", "| in the API | in the journal | what |", "| --- | --- | --- |", ...rows];
  return [`### \`${kind}\``, `${shown(subject)}. \`MESSAGE_ID=${id}\``, "", ...text.map(shown), ...table, ""].join(
    "\n",
  );
}

/** `page` with its kinds made anew. Throws when it has lost the marks around them. */
export function withKinds(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/reference/events.md has lost its marks ${START} and ${END}`);
  return `${page.slice(0, start)}${START}\n${eventKinds().map(section).join("\n")}\n${page.slice(end)}`;
}

/** The files made from the catalogue, with what they should hold. */
export async function generated(): Promise<readonly (readonly [URL, string])[]> {
  return [
    [CATALOGUE_FILE, catalogue()],
    [PAGE_FILE, withKinds(await readFile(PAGE_FILE, "utf8"))],
  ];
}

if (import.meta.main && process.argv.includes("--write")) {
  for (const [file, text] of await generated()) await writeFile(file, text);
}
