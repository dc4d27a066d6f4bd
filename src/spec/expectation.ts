/** What a piece of the schema asks for, in words: for mistakes ("write …") and for the reference page. */
import { FORMATS } from "./formats.ts";
import { either, isRecord } from "./text.ts";

/** A JSON Schema as plain data. */
export type Node = Readonly<Record<string, unknown>>;

export const node = (value: unknown): Node => (isRecord(value) ? value : {});
export const nodes = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.map(node) : []);
/** The schemas of an object's keys. */
export const properties = (schema: Node): readonly (readonly [string, Node])[] =>
  Object.entries(node(schema.properties)).map(([key, value]) => [key, node(value)]);

/** The alternatives of a schema, nested unions flattened; itself when it is no union. */
function alternatives(schema: Node): readonly Node[] {
  const inner = nodes(schema.anyOf);
  return inner.length === 0 ? [schema] : inner.flatMap(alternatives);
}

function range({ minimum, maximum }: Node): string {
  if (minimum === undefined) return "";
  return maximum === undefined ? ` of ${minimum} or more` : ` from ${minimum} to ${maximum}`;
}

const WORDS: Readonly<Record<string, (schema: Node) => string>> = {
  string: ({ format, maxLength }) =>
    (FORMATS.get(String(format))?.noun ?? "text") +
    (format === "script" && maxLength !== undefined ? ` of ${maxLength} characters at most` : ""),
  integer: (schema) => `a whole number${range(schema)}`,
  number: () => "a number",
  boolean: () => "true or false",
  null: () => "null",
  object: () => "an object",
  array: ({ items, minItems }) =>
    `a list${minItems === undefined ? "" : " of at least one item"}, each ${expectation(node(items))}`,
};

/** `{ type: "integer", minimum: 1 }` → `a whole number of 1 or more` */
export function expectation(schema: Node): string {
  const words = alternatives(schema).map((choice) => {
    if (choice.const !== undefined) return JSON.stringify(choice.const);
    return WORDS[String(choice.type)]?.(choice) ?? "any value";
  });
  return either([...new Set(words)]);
}
