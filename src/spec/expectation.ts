/** What a piece of the schema asks for, in words: for mistakes ("write …") and for the reference page. */
import { FORMATS, type Format } from "./formats.ts";
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

/** Keys of an object that must be written. */
export const requiredKeys = (schema: Node): readonly string[] =>
  properties(schema)
    .filter(([key, inner]) => isIn(schema.required, key) && inner.default === undefined)
    .map(([key]) => key);
const isIn = (list: unknown, key: string): boolean => Array.isArray(list) && list.includes(key);

const formatOf = ({ format }: Node): Format | undefined => FORMATS.get(String(format));
const same = (words: string) => ({ kind: () => words, long: () => words });

/** For each JSON type: what a value of it is called, and what one is asked to write. */
const WORDS: Readonly<Record<string, { kind: (schema: Node) => string; long: (schema: Node) => string }>> = {
  string: {
    kind: (schema) => formatOf(schema)?.noun ?? "text",
    long: (schema) => formatOf(schema)?.hint ?? formatOf(schema)?.noun ?? "text",
  },
  integer: { kind: () => "a whole number", long: (schema) => `a whole number${range(schema)}` },
  number: same("a number"),
  boolean: same("true or false"),
  object: {
    kind: () => "an object",
    long: (schema) => {
      const keys = requiredKeys(schema).map((key) => `"${key}": …`);
      return keys.length === 0 ? "an object" : `an object, at least {${keys.join(", ")}}`;
    },
  },
  array: {
    kind: () => "a list",
    long: ({ items, minItems }) =>
      `a list${minItems === undefined ? "" : " of at least one item"}, each ${expectation(node(items))}`,
  },
};

/** Alternatives in words; null goes unmentioned beside others, since it says no more than leaving the key out. */
function inWords(schema: Node, length: "kind" | "long"): string {
  const choices = alternatives(schema).filter(({ type }, _, all) => type !== "null" || all.length === 1);
  const whole = choices.findLast(({ format }) => format === "size") ?? null;
  const words = (whole === null ? choices : [whole]).map((choice) => {
    if (choice.const !== undefined) return JSON.stringify(choice.const);
    return WORDS[String(choice.type)]?.[length](choice) ?? "any value";
  });
  return either([...new Set(words)]);
}

/** `{ type: "integer", minimum: 1 }` → `a whole number of 1 or more` */
export const expectation = (schema: Node): string => inWords(schema, "long");
/** The same in few words: `a whole number` */
export const kindOf = (schema: Node): string => inWords(schema, "kind");
