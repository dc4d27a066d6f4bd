/**
 * What is made from the table of commands: docs/reference/cli.md and the schema of what `--json` prints.
 * `node src/cli/reference.ts --write` makes both anew; a test says when they are stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { ANSWERS } from "./answers.ts";
import { type Command, usageOf } from "./command.ts";
import { COMMANDS } from "./commands.ts";

const PAGE_FILE = new URL("../../docs/reference/cli.md", import.meta.url);
const SCHEMA_FILE = new URL("../../systemd/cli.schema.json", import.meta.url);
const START = "<!-- commands: made by src/cli/reference.ts -->";
const END = "<!-- end of commands -->";

function section([name, command]: [string, Command]): string {
  const rows = Object.entries(command.options).map(
    ([flag, { short, value, help }]) =>
      `- \`${short === undefined ? "" : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}\`: ${help}`,
  );
  return [
    `### ${name}`,
    `\`opencode-supervisor ${usageOf(name, command)}\`: ${command.help}.`,
    ...(rows.length === 0 ? [] : ["", ...rows]),
    "",
  ].join("\n");
}

/** `page` with its commands made anew. Throws when it has lost the marks around them. */
export function withCommands(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/reference/cli.md has lost its marks ${START} and ${END}`);
  return `${page.slice(0, start)}${START}\n${Object.entries(COMMANDS).map(section).join("\n")}\n${page.slice(end)}`;
}

export const answersSchema = () => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "what opencode-supervisor COMMAND --json prints, by command",
  $defs: ANSWERS,
});

/** The files made from the table, with what they should hold. */
export async function generated(): Promise<readonly (readonly [URL, string])[]> {
  return [
    [PAGE_FILE, withCommands(await readFile(PAGE_FILE, "utf8"))],
    [SCHEMA_FILE, `${JSON.stringify(answersSchema(), null, 2)}\n`],
  ];
}

if (import.meta.main && process.argv.includes("--write")) {
  for (const [file, text] of await generated()) await writeFile(file, text);
}
