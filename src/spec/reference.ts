/** The table of fields in `docs/reference/instance-file.md`. */
import { expectation, type Node, node, properties, requiredKeys } from "./expectation.ts";
import { Instance } from "./schema.ts";

const START = "<!-- fields: made by src/spec/json-schema.ts -->";
const END = "<!-- end of fields -->";

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replace(/[|<]/g, "\\$&");

/** Rows of an object's fields; objects with fields of their own are opened. */
function rows(schema: Node, above: string): string[] {
  const required = requiredKeys(schema);
  return properties(schema).flatMap(([key, inner]) => {
    const field = above === "" ? key : `${above}.${key}`;
    if (inner.properties !== undefined) return rows(inner, field);
    const fallback = required.includes(key) ? "required" : code(JSON.stringify(inner.default));
    return [`| ${[code(field), meaning(inner), typeOf(inner), fallback].map(cell).join(" | ")} |`];
  });
}

const meaning = ({ description }: Node): string => String(description ?? "");

/** What to write; for an object of free keys, what its keys and values are. */
function typeOf(schema: Node): string {
  const [values] = Object.values(node(schema.patternProperties)).map(node);
  if (values === undefined) return expectation(schema);
  const keys = schema.propertyNames === undefined ? "any key" : expectation(node(schema.propertyNames));
  return `an object; keys: ${keys}; values: ${expectation(values)}`;
}

const table = (): string =>
  ["| Field | Meaning | What to write | Default |", "| --- | --- | --- | --- |", ...rows(node(Instance), "")].join(
    "\n",
  );

/**
 * `page` with its table of fields made anew.
 * @throws when the page has lost the marks around its table
 */
export function withFieldTable(page: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start)
    throw new Error(`docs/reference/instance-file.md has lost its marks ${START} and ${END}`);
  return `${page.slice(0, start)}${START}\n${table()}\n${page.slice(end)}`;
}
