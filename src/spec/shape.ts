/**
 * Whether one instance has the shape the schema asks for. ajv fills in defaults; when something does not fit, what does
 * fit is kept as a draft, so that the checks that need a whole instance still find the other mistakes.
 */
import { fits } from "./fits.ts";
import { type Mistake, mistakesOf } from "./mistakes.ts";
import type { InstanceInput } from "./schema.ts";
import { INSTANCE_SCHEMA } from "./schema-data.ts";
import { fieldOf, isRecord, type Segment } from "./text.ts";

/** What is known of one instance. */
export interface Shape {
  /** With every default filled in; null when too little is right for that. */
  readonly input: InstanceInput | null;
  /** Fields that are missing or wrong: what `input` has there was put in by us and means nothing. */
  readonly guessed: ReadonlySet<string>;
  readonly mistakes: readonly Mistake[];
}

/** More errors than anyone reads; a file made of mistakes must not cost more than one without. */
const MAX_ERRORS = 1000;
/** Taking out what is wrong can empty a list or an object that may not be empty: a few rounds reach the end. */
const ROUNDS = 4;

/** Stands in for what must be there and is not; only ever in fields named in `guessed`. */
const STAND_INS: ReadonlyMap<string, () => unknown> = new Map<string, () => unknown>([
  ["directory", () => "/"],
  ["listen", () => ({ port: 1 })],
  ["listen.port", () => 1],
]);

const childOf = (value: unknown, key: Segment): unknown =>
  Array.isArray(value) ? value[Number(key)] : isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/**
 * Takes the value at `path` out of `root`, or puts a stand-in there. In a list a right item takes the place of a wrong one,
 * so that the others keep their numbers; a list without a right item goes.
 */
function mend(root: unknown, { path, kind }: Mistake, wrong: ReadonlySet<string>): void {
  const last = path.at(-1);
  const above = path.slice(0, -1);
  const parent = above.reduce(childOf, root);
  if (last === undefined) return;
  if (Array.isArray(parent)) {
    const right = parent.findIndex((_, index) => !wrong.has(fieldOf([...above, index])));
    if (right < 0) mend(root, { path: above, kind: "value", what: "", fix: "" }, wrong);
    else parent[Number(last)] = parent[right];
  } else if (isRecord(parent)) {
    delete parent[last];
    if (kind === "missing") parent[last] = STAND_INS.get(fieldOf(path))?.();
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The mistakes of the last call of `fits`. */
const lastMistakes = (data: unknown): Mistake[] =>
  mistakesOf((fits.errors ?? []).slice(0, MAX_ERRORS), data, INSTANCE_SCHEMA);
const tooMany = (): boolean => (fits.errors ?? []).length > MAX_ERRORS;

/** Checks one instance of a parsed file. Changes `data`: defaults go in, and what is wrong comes out. */
export function checkShape(data: unknown): Shape {
  if (fits(data)) return { input: data, guessed: NONE, mistakes: [] };
  const mistakes = lastMistakes(data);
  const guessed = new Set(mistakes.map(({ path }) => fieldOf(path)));
  let wrong = mistakes;
  for (let round = 0; round < ROUNDS && !tooMany(); round++) {
    for (const mistake of wrong) mend(data, mistake, guessed);
    if (fits(data)) return { input: data, guessed, mistakes };
    wrong = lastMistakes(data);
  }
  return { input: null, guessed, mistakes };
}
