/** `diff FILE`: what a reload would do if FILE were the instance file. Nothing is changed. */
import { policyHash, policyOf } from "../netpolicy/policy.ts";
import { instanceUnits } from "../sandbox/properties.ts";
import { INSTANCE_FILE } from "../spec/names.ts";
import { ProblemError } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { FileDifference, InstanceDifference } from "./answers.ts";
import { EX } from "./exit.ts";
import { fieldsOf } from "./fields.ts";
import { type Instances, readInstances, thisHost } from "./instance-files.ts";
import { FileMistake, orProblem, tellProblems, writeJson, writeLines } from "./output.ts";

/** Exit 0 when nothing would change, 1 when something would, 65 when FILE has mistakes. */
export const diff = (path: string, json: boolean): Promise<number> =>
  orProblem(async () => {
    const [now, then, host] = await Promise.all([readInstalled(), readCandidate(path), thisHost()]);
    if (then instanceof FileMistake) {
      if (json) writeJson({ instances: [], problems: [then.problem] } satisfies FileDifference);
      throw then;
    }
    const hash = (spec: InstanceSpec): string => instanceUnits(spec, host).specHash;
    const found = differences(now, then, hash);
    tellProblems(then.problems);
    if (json) writeJson({ instances: found, problems: then.problems } satisfies FileDifference);
    else writeLines(found.length === 0 ? ["nothing would change"] : found.flatMap(linesOf));
    if (then.problems.length > 0) return EX.DATAERR;
    return found.length === 0 ? EX.OK : EX.FAILURE;
  });

/** The file, or why nothing in it can be used. */
const readCandidate = (path: string): Promise<Instances | FileMistake> =>
  readInstances(path).catch((error: unknown) => {
    if (error instanceof FileMistake) return error;
    throw error;
  });

const NONE: Instances = { specs: new Map(), bad: [], problems: [], raw: {} };

/** What is in force; nothing, when there is no usable file. */
async function readInstalled(): Promise<Instances> {
  return readInstances(INSTANCE_FILE).catch((error: unknown) => {
    if (error instanceof ProblemError) return NONE;
    throw error;
  });
}

type Pair = readonly [before: InstanceSpec | undefined, after: InstanceSpec | undefined];
type Row = readonly [
  effect: InstanceDifference["effect"],
  when: (pair: Pair, hash: (spec: InstanceSpec) => string) => boolean,
];
const runs = (spec: InstanceSpec | undefined): spec is InstanceSpec => spec?.enable === true;

/** The first row that holds. */
const ROWS: readonly Row[] = [
  ["starts", ([before, after]) => !runs(before) && runs(after)],
  ["stops", ([before, after]) => runs(before) && !runs(after)],
  ["nothing", ([before, after]) => !runs(before) || !runs(after)],
  ["restarts", ([before, after], hash) => runs(before) && runs(after) && hash(before) !== hash(after)],
  [
    "policy",
    ([before, after]) => runs(before) && runs(after) && policyHash(policyOf(before)) !== policyHash(policyOf(after)),
  ],
  ["nothing", () => true],
];

/** What becomes of each instance that is not the same in both, by name. */
export function differences(
  now: Instances,
  then: Instances,
  hash: (spec: InstanceSpec) => string,
): InstanceDifference[] {
  const names = [...new Set([...now.specs.keys(), ...then.specs.keys()])].sort();
  return names.flatMap((name) => {
    if (then.bad.includes(name)) return [{ name, effect: "kept" as const, fields: [] }];
    const pair: Pair = [now.specs.get(name), then.specs.get(name)];
    const fields = changedFields(pair);
    if (fields.length === 0) return [];
    return [{ name, effect: ROWS.find(([, when]) => when(pair, hash))?.[0] ?? "nothing", fields }];
  });
}

/** Each field that differs; for one that is new or gone only that it is. */
function changedFields([before, after]: Pair): InstanceDifference["fields"] {
  if (before === undefined || after === undefined)
    return [{ field: "", before: before !== undefined, after: after !== undefined }];
  const [old, next] = [new Map(fieldsOf(before)), new Map(fieldsOf(after))];
  return [...new Set([...old.keys(), ...next.keys()])]
    .filter((field) => JSON.stringify(old.get(field)) !== JSON.stringify(next.get(field)))
    .map((field) => ({ field, before: old.get(field) ?? null, after: next.get(field) ?? null }));
}

const EFFECTS: Readonly<Record<InstanceDifference["effect"], string>> = {
  starts: "is started",
  stops: "is stopped; its state stays",
  restarts: "is restarted",
  policy: "runs on, its network policy changes live",
  nothing: "nothing is started, stopped or restarted",
  kept: "stays as it is: the file has mistakes about it",
};

export const linesOf = ({ name, effect, fields }: InstanceDifference): string[] => [
  `${name}: ${EFFECTS[effect]}`,
  ...fields.flatMap(({ field, before, after }) =>
    field === "" ? [] : [`  - ${field}: ${JSON.stringify(before)}`, `  + ${field}: ${JSON.stringify(after)}`],
  ),
];
