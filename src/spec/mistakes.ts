/**
 * From ajv's errors to mistakes a person can act on: one for each place, said in our words. ajv reports a failing union
 * once for each alternative and once for the whole; what is kept is the error that says most.
 */
import type { ErrorObject } from "ajv";
import { expectation, kindOf, type Node, node, properties } from "./expectation.ts";
import { FORMATS } from "./formats.ts";
import { nearest } from "./nearest.ts";
import { either, fieldOf, isRecord, quote, type Segment, show } from "./text.ts";

/** A mistake within one instance; `path` leads to it. */
export interface Mistake {
  readonly path: readonly Segment[];
  readonly what: string;
  readonly fix: string;
  /** What is there: a value that does not fit, a key that does not belong, or nothing where something must be. */
  readonly kind: "value" | "key" | "missing";
}
type Words = Pick<Mistake, "what" | "fix">;

const write = (schema: Node): string => `write ${expectation(schema)}`;
const isNot = (value: unknown, schema: Node): string => `${show(value)} is not ${kindOf(schema)}`;

/** What a failed keyword means. Keywords first in this table say more than later ones of the same place. */
const TEXTS: ReadonlyMap<string, (error: ErrorObject, schema: Node) => Words> = new Map([
  ["format", (error, schema) => formatWords(error.data, error.params.format) ?? valueWords(error, schema)],
  ["pattern", valueWords],
  [
    "minimum",
    (error, schema) => ({ what: `${show(error.data)} is less than ${error.params.limit}`, fix: write(schema) }),
  ],
  [
    "maximum",
    (error, schema) => ({ what: `${show(error.data)} is more than ${error.params.limit}`, fix: write(schema) }),
  ],
  ["maxLength", (error, schema) => ({ what: `is longer than ${error.params.limit} characters`, fix: write(schema) })],
  ["minLength", (_error, schema) => ({ what: "is empty", fix: write(schema) })],
  ["minItems", (_error, schema) => ({ what: "is an empty list", fix: write(schema) })],
  ["type", valueWords],
  ["const", valueWords],
  ["anyOf", valueWords],
]);
const RANK = [...TEXTS.keys()];

function valueWords(error: ErrorObject, schema: Node): Words {
  return { what: isNot(error.data, schema), fix: write(schema) };
}

function formatWords(value: unknown, format: unknown): Words | null {
  return typeof value === "string" ? (FORMATS.get(String(format))?.fault(value) ?? null) : null;
}

/** Where a key stands that was written in the wrong object: `port` → `listen.port`. */
function placesOf(key: string, schema: Node, above: readonly string[] = []): string[] {
  return properties(schema).flatMap(([name, inner]) => {
    const here = [...above, name];
    return [...(name === key ? [here.join(".")] : []), ...placesOf(key, inner, here)];
  });
}

/** What to say of a key that an object does not have. */
export function unknownKey(key: string, schema: Node, root: Node): Words {
  const known = properties(schema).map(([name]) => name);
  const near = nearest(key, known);
  const guess = near === null ? placesOf(key, root).slice(0, 2) : [near];
  const what = `unknown key ${quote(key)}`;
  if (guess.length === 0) return { what, fix: `remove it; the keys known here are ${known.join(", ")}` };
  const meant = either(guess.map(quote));
  return { what, fix: `did you mean ${meant}?` };
}

/** `/a~1b/0` in `root` → `["a/b", 0]` */
function segmentsOf(pointer: string, root: unknown): Segment[] {
  let value = root;
  return pointer
    .split("/")
    .slice(1)
    .map((raw) => {
      const key = raw.replaceAll("~1", "/").replaceAll("~0", "~");
      const segment = Array.isArray(value) ? Number(key) : key;
      value = Array.isArray(value) ? value[Number(key)] : isRecord(value) ? value[key] : undefined;
      return segment;
    });
}

/** Errors about the keys of an object rather than a value: each stands for itself. */
function keyMistake(error: ErrorObject, path: readonly Segment[], root: Node): Mistake | null {
  const schema = node(error.parentSchema);
  if (error.keyword === "additionalProperties") {
    const key = String(error.params.additionalProperty);
    return { path: [...path, key], kind: "key", ...unknownKey(key, schema, root) };
  }
  if (error.keyword === "required") {
    const key = String(error.params.missingProperty);
    return {
      path: [...path, key],
      kind: "missing",
      what: "is missing",
      fix: write(node(node(schema.properties)[key])),
    };
  }
  if (error.propertyName === undefined) return null;
  const words = formatWords(error.propertyName, schema.format) ?? { what: "is not a known name", fix: write(schema) };
  return { path: [...path, error.propertyName], kind: "key", ...words };
}

/** The one mistake that all errors about the value at `path` amount to. */
function valueMistake(errors: readonly ErrorObject[], path: readonly Segment[]): Mistake | null {
  const [best] = errors.toSorted((a, b) => RANK.indexOf(a.keyword) - RANK.indexOf(b.keyword));
  const whole = node((errors.findLast(({ keyword }) => keyword === "anyOf") ?? best)?.parentSchema);
  const words = best === undefined ? undefined : TEXTS.get(best.keyword)?.(best, whole);
  return words === undefined ? null : { path, kind: "value", ...words };
}

/**
 * The mistakes in `data`, in the order of the schema.
 * @param errors of an ajv with `allErrors` and `verbose`
 * @param root the schema `data` was checked against
 */
export function mistakesOf(errors: readonly ErrorObject[], data: unknown, root: Node): Mistake[] {
  const found: Mistake[] = [];
  const byPlace = Map.groupBy(errors, ({ instancePath }) => instancePath);
  const places = [...byPlace.keys()];
  for (const [place, group] of byPlace) {
    const path = segmentsOf(place, data);
    const seen = new Set<string>();
    const values: ErrorObject[] = [];
    for (const error of group) {
      if (error.keyword === "propertyNames") continue;
      const mistake = keyMistake(error, path, root);
      const key = fieldOf(mistake?.path ?? []);
      if (mistake === null) values.push(error);
      else if (!seen.has(key)) found.push(mistake);
      seen.add(key);
    }
    // A union fails as a whole when one of its alternatives fails further in: the place further in says more.
    const isOuter =
      group.some(({ keyword }) => keyword === "anyOf") && places.some((other) => other.startsWith(`${place}/`));
    const mistake = isOuter ? null : valueMistake(values, path);
    if (mistake !== null) found.push(mistake);
  }
  return found;
}
