/**
 * The instance file, from bytes to instances. Never throws: a broken file is one kind of result, and a good file with some
 * bad instances another. All mistakes are found at once.
 */
import { check } from "./checks/all.ts";
import type { Subject } from "./checks/check.ts";
import { node } from "./expectation.ts";
import { type OddKey, parseJsonText, placeOf } from "./json-text.ts";
import { unknownKey } from "./mistakes.ts";
import { formatProblem, type Problem } from "./problem.ts";
import { resolve } from "./resolve.ts";
import type { InstanceSpec } from "./schema.ts";
import { FILE_SCHEMA } from "./schema-data.ts";
import { checkShape } from "./shape.ts";
import { fieldOf, isRecord, printable, quote, show } from "./text.ts";

/** Largest file that is read, in bytes (10 MiB). */
export const MAX_BYTES = 10 * 1024 * 1024;
const VERSION = 1;
/** No host runs as many; keeps a senseless file from taking the supervisor's time. */
const MAX_INSTANCES = 10_000;
/** Problems told of one instance, or of the file; the rest is counted. */
const MAX_PROBLEMS = 100;

export type ParsedFile =
  | {
      readonly ok: true;
      /** The valid instances, disabled ones too, sorted by name. */
      readonly specs: readonly InstanceSpec[];
      /** What is wrong with the others, sorted by instance and field. */
      readonly problems: readonly Problem[];
      /** Names of the others, sorted. */
      readonly bad: readonly string[];
    }
  /** Nothing in the file can be relied on; at least one problem is about the file itself. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

const inFile = (field: string, what: string, fix: string): Problem => ({ instance: null, field, what, fix });
const broken = (what: string, fix: string, field = ""): ParsedFile => ({
  ok: false,
  problems: [inFile(field, what, fix)],
});

/** UTF-8 text, or null and what is wrong. A byte order mark is dropped. */
function decode(bytes: Uint8Array): { text: string } | { problem: ParsedFile } {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    const text = new TextDecoder().decode(bytes);
    const { line } = placeOf(text, Math.max(0, text.indexOf("\ufffd")));
    return { problem: broken(`the file is not UTF-8 text (near line ${line})`, "save it as UTF-8") };
  }
}

/** Parses and checks an instance file. `resolvers`: those of the host, for instances that name none. */
export function parseInstanceFile(bytes: Uint8Array, resolvers: readonly string[] = []): ParsedFile {
  if (bytes.length > MAX_BYTES) return broken("the file is larger than 10 MiB", "write a smaller one");
  const decoded = decode(bytes);
  if ("problem" in decoded) return decoded.problem;
  if (decoded.text.trim() === "") return broken("the file is empty", 'write {"version": 1, "instances": {}} at least');
  const json = parseJsonText(decoded.text);
  if (!json.ok) {
    const { what, line, column } = json.fault;
    return broken(`the file is not JSON: ${what}, at line ${line}, column ${column}`, "mend it there");
  }
  return checkFile(json.value, json.oddKeys, resolvers);
}

function checkFile(file: unknown, oddKeys: readonly OddKey[], resolvers: readonly string[]): ParsedFile {
  if (!isRecord(file)) {
    return broken(`the file holds ${show(file)}, not an object`, 'write {"version": 1, "instances": {…}}');
  }
  const { version, instances } = file;
  if (version !== VERSION) {
    const what = version === undefined ? "is missing" : `${show(version)} is not a version this supervisor understands`;
    return broken(what, `write ${VERSION}`, "version");
  }
  const count = isRecord(instances) ? Object.keys(instances).length : 0;
  if (count > MAX_INSTANCES) {
    return broken(`${count} are more than one host can run`, `write ${MAX_INSTANCES} at most`, "instances");
  }
  const problems = [...topLevelProblems(file), ...oddKeys.map(oddKeyProblem)];
  const { subjects, problems: shapeProblems } = readInstances(isRecord(instances) ? instances : {}, resolvers);
  return finish(subjects, [...problems, ...shapeProblems, ...check(subjects)]);
}

function topLevelProblems(file: Readonly<Record<string, unknown>>): Problem[] {
  const { $schema, instances } = file;
  const unknown = Object.keys(file).filter(
    (key) => !Object.hasOwn(node(FILE_SCHEMA.properties), key) && key !== "__proto__",
  );
  const problems = unknown.map((key) => {
    const { what, fix } = unknownKey(key, FILE_SCHEMA, FILE_SCHEMA);
    return inFile(fieldOf([key]), what, fix);
  });
  if ($schema !== undefined && typeof $schema !== "string") {
    problems.push(inFile("$schema", `${show($schema)} is not text`, "write the address of a schema, or remove it"));
  }
  if (!isRecord(instances)) {
    const what = instances === undefined ? "is missing" : `${show(instances)} is not an object`;
    problems.push(inFile("instances", what, 'write {} or {"name": {…}, …}'));
  }
  return problems;
}

function oddKeyProblem({ path, why }: OddKey): Problem {
  const [top, name, ...rest] = path;
  const isInInstance = top === "instances" && typeof name === "string";
  const key = quote(String(path.at(-1)));
  const [what, fix] =
    why === "repeated"
      ? [`the key ${key} is written twice`, "keep one of them"]
      : [`the key ${key} cannot be used`, "remove it"];
  return { instance: isInInstance ? name : null, field: fieldOf(isInInstance ? rest : path), what, fix };
}

/** Every field above a place, and the place: `a.b[0]` → `a`, `a.b`, `a.b[0]`. */
const upTo = (field: string): string[] => [...field.matchAll(/(?=[.[])|$/g)].map(({ index }) => field.slice(0, index));

function readInstances(
  instances: Record<string, unknown>,
  resolvers: readonly string[],
): { subjects: Subject[]; problems: Problem[] } {
  const subjects: Subject[] = [];
  const problems: Problem[] = [];
  for (const [name, data] of Object.entries(instances)) {
    const { input, guessed, mistakes } = checkShape(data);
    for (const { path, what, fix } of mistakes) {
      // Told already, as a key that cannot be used.
      if (!path.includes("__proto__")) problems.push({ instance: name, field: fieldOf(path), what, fix });
    }
    const has = guessed.size === 0 ? () => true : (field: string) => !upTo(field).some((part) => guessed.has(part));
    if (input !== null) subjects.push({ spec: resolve(name, input, resolvers), has });
  }
  return { subjects, problems };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Sorted, each once, no more than anyone reads, and safe to print. */
function tidy(name: string | null, problems: readonly Problem[]): Problem[] {
  const instance = name === null ? null : printable(name);
  const unique = new Map(problems.map((problem) => [formatProblem(problem), { ...problem, instance }]));
  const sorted = [...unique].sort(([a], [b]) => compare(a, b)).map(([, problem]) => problem);
  const more = sorted.length - MAX_PROBLEMS;
  if (more <= 0) return sorted;
  const rest = { instance, field: "", what: `and ${more} more mistakes`, fix: "mend those above first" };
  return [...sorted.slice(0, MAX_PROBLEMS), rest];
}

function finish(subjects: readonly Subject[], found: readonly Problem[]): ParsedFile {
  const byInstance = Map.groupBy(found, ({ instance }) => instance);
  const bad = [...byInstance.keys()].filter((name) => name !== null).sort(compare);
  const problems = [null, ...bad].flatMap((name) => tidy(name, byInstance.get(name) ?? []));
  if (byInstance.has(null)) return { ok: false, problems };
  const specs = subjects.map(({ spec }) => spec).filter(({ name }) => !byInstance.has(name));
  return {
    ok: true,
    specs: specs.sort((a, b) => compare(a.name, b.name)),
    problems,
    bad: bad.map((name) => printable(name)),
  };
}
