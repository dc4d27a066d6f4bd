/** `opencode-supervisor status [NAME] [--json]`: the Status model for a person. Exit 0 when all is well, 1 when something needs a person. */
import { parseArgs } from "node:util";
import { InstanceList, InstanceStatus, Status } from "../daemon/api/model.ts";
import { formatProblem } from "../spec/problem.ts";
import { get, Unavailable, understood } from "./client.ts";
import { EX } from "./exit.ts";

export async function status(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean" } },
    allowPositionals: true,
  });
  try {
    const [name] = positionals;
    return name === undefined ? await all(values.json === true) : await one(name, values.json === true);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    process.stderr.write(`opencode-supervisor: ${error.message}\n`);
    return EX.UNAVAILABLE;
  }
}

async function all(json: boolean): Promise<number> {
  const [overall, list] = await Promise.all([get("/v1/status"), get("/v1/instances")]);
  const summary = understood(Status, overall.body);
  const { instances } = understood(InstanceList, list.body);
  process.stdout.write(
    json ? `${JSON.stringify({ ...summary, list: instances }, null, 2)}\n` : overview(summary, instances),
  );
  return summary.state === "ok" ? EX.OK : EX.FAILURE;
}

async function one(name: string, json: boolean): Promise<number> {
  const answer = await get(`/v1/instances/${encodeURIComponent(name)}`);
  if (answer.status === 404) {
    process.stderr.write(
      `opencode-supervisor: no instance ${JSON.stringify(name)}; see \`opencode-supervisor status\`\n`,
    );
    return EX.NOINPUT;
  }
  const instance = understood(InstanceStatus, answer.body);
  process.stdout.write(json ? `${JSON.stringify(instance, null, 2)}\n` : detail(instance));
  return EX.OK;
}

/** The table of all instances, 80 columns where names allow, and what is wrong below it. */
export function overview(summary: Status, instances: readonly InstanceStatus[]): string {
  const head = ["NAME", "STATE", "PID", "LISTEN", "EGRESS", "OPENCODE"];
  const rows = instances.map((instance) => [
    instance.name,
    instance.state,
    String(instance.pid ?? "-"),
    instance.listen === null ? "-" : `${instance.listen.address}:${instance.listen.port}`,
    egressWord(instance),
    instance.version ?? "-",
  ]);
  const told = new Set(summary.problems.map(formatProblem));
  const whys = instances.filter(({ why }) => why !== null && !told.has(why));
  const lines = [
    ...table([head, ...rows]),
    ...(summary.target === "active"
      ? []
      : ["", "opencode.target is not active: nothing is to run (systemctl start opencode.target)"]),
    ...instances.filter(({ policy }) => policy.wanted === "audit").flatMap(({ name }) => ["", auditLine(name)]),
    ...whys.flatMap(({ name, why, output }) => ["", `${name}: ${why}`, ...output.map((line) => `  | ${line}`)]),
    ...summary.problems.flatMap((problem) => ["", formatProblem(problem)]),
    ...(summary.orphans.length === 0 ? [] : [""]),
    ...summary.orphans.map(({ name, stateDir }) => `state of ${name}, which is not in the file: ${stateDir}`),
    ...summary.weaker.flatMap((line) => ["", `weaker on this host: ${line}`]),
  ];
  return `${lines.join("\n")}\n`;
}

const auditLine = (name: string): string =>
  `${name}: audit mode: nothing is refused, only recorded; see \`opencode-supervisor blocked ${name}\``;

const egressWord = ({ policy }: Pick<InstanceStatus, "policy">): string =>
  policy.wanted === "none" ? "open" : policy.inForce ? (WORDS[policy.wanted] ?? policy.wanted) : "NOT IN FORCE";
const WORDS: Readonly<Record<string, string>> = { audit: "AUDIT" };

function detail(instance: InstanceStatus): string {
  const { output, relaxations, listen, policy, policyObserved, ...rest } = instance;
  const address = listen === null ? null : `${listen.address}:${listen.port}`;
  const shown = {
    ...rest,
    listen: address,
    egress: `${policy.wanted}${policy.inForce ? ", in force" : ", not in force"}`,
    observed: policyObserved,
  };
  const pairs = Object.entries(shown).map(([key, value]) => [key, String(value ?? "-")]);
  const relaxed = relaxations.map((line) => ["relaxed", line]);
  return `${[...table([...pairs, ...relaxed]), ...output.map((line) => `  | ${line}`)].join("\n")}\n`;
}

/** Columns padded to their widest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, index) => Math.max(most[index] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
