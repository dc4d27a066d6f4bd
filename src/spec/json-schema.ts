/**
 * What is made from the schema and kept in the repository: the JSON Schema for editors, the same as we check with
 * (`schema-data.ts`), and the table of fields in the reference. `node src/spec/json-schema.ts --write` makes both anew; a test says when they are stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { type Node, node, requiredKeys } from "./expectation.ts";
import { FORMATS } from "./formats.ts";
import { withFieldTable } from "./reference.ts";
import { InstanceFile } from "./schema.ts";
import { isRecord } from "./text.ts";

const SCHEMA_FILE = new URL("../../systemd/instances.schema.json", import.meta.url);
const DATA_FILE = new URL("./schema.json", import.meta.url);
const REFERENCE_FILE = new URL("../../docs/reference/instance-file.md", import.meta.url);

/** A schema as others read it: keys with a default are not required, and formats that only we know are left out. */
function publish(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(publish);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([key, inner]) => key !== "format" || !FORMATS.has(String(inner)));
  const published = Object.fromEntries(entries.map(([key, inner]) => [key, publish(inner)]));
  return isRecord(value.properties) ? { ...published, required: requiredKeys(value) } : published;
}

/** The published JSON Schema, draft 07. */
export const jsonSchema = (): Node => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "opencode-supervisor instance file",
  description: "What opencode-supervisor runs. `opencode-supervisor validate FILE` checks more than a schema can say.",
  ...node(publish(InstanceFile)),
});

/** The files made from the schema, with what they should hold. */
export async function generated(): Promise<readonly (readonly [URL, string])[]> {
  return [
    [SCHEMA_FILE, `${JSON.stringify(jsonSchema(), null, 2)}\n`],
    [DATA_FILE, `${JSON.stringify(InstanceFile, null, 2)}\n`],
    [REFERENCE_FILE, withFieldTable(await readFile(REFERENCE_FILE, "utf8"))],
  ];
}

if (import.meta.main && process.argv.includes("--write")) {
  for (const [file, text] of await generated()) await writeFile(file, text);
}
