/** `status`, `instances` and `show`: the Status model for a person. */
import { InstanceDetail, InstanceList, type InstanceStatus, Status } from "../daemon/api/model.ts";
import { STATES } from "../daemon/instance/state.ts";
import { formatProblem } from "../spec/problem.ts";
import { detailOf, get, understood } from "./client.ts";
import { type Call, UsageError } from "./command.ts";
import { EX } from "./exit.ts";
import { failed, unknownInstance, write, writeJson, writeLines } from "./output.ts";
import { listed, type Screen, shown } from "./table.ts";

/** Exit 0 when all is well, 1 when something needs a person; of one instance always 0. */
export const status = (name: string | undefined, json: boolean): Promise<number> =>
  name === undefined ? all(json) : one(name, json);

async function all(json: boolean): Promise<number> {
  const [overall, list] = await Promise.all([get("/v1/status"), get("/v1/instances")]);
  const summary = understood(Status, overall.body);
  const { instances } = understood(InstanceList, list.body);
  if (json) writeJson({ ...summary, list: instances });
  else write(overview(summary, instances));
  return summary.state === "ok" ? EX.OK : EX.FAILURE;
}

export async function instances({ state, names, json }: Call["options"]): Promise<number> {
  if (state !== undefined && !STATES.some((each) => each === state))
    throw new UsageError(`--state: write one of ${STATES.join(", ")}`);
  const { instances: every } = understood(InstanceList, (await get("/v1/instances")).body);
  const found = every.filter((instance) => state === undefined || instance.state === state);
  if (json === true) writeJson({ instances: found });
  else writeLines(names === true ? found.map(({ name }) => name) : shown(rowsOf(found)));
  return EX.OK;
}

async function one(name: string, json: boolean): Promise<number> {
  const answer = await get(`/v1/instances/${encodeURIComponent(name)}`);
  if (answer.status === 404) return unknownInstance(name);
  if (answer.status === 409) return failed(EX.FAILURE, detailOf(answer));
  const instance = understood(InstanceDetail, answer.body);
  if (json) writeJson(instance);
  else write(detail(instance));
  return EX.OK;
}

const HEAD = ["NAME", "STATE", "PID", "LISTEN", "EGRESS", "OPENCODE"];

const rowsOf = (instances: readonly InstanceStatus[]): string[][] => [
  HEAD,
  ...instances.map((instance) => [
    instance.name,
    instance.state,
    String(instance.pid ?? "-"),
    instance.listen === null ? "-" : hostPort(instance.listen.address, instance.listen.port),
    egressWord(instance),
    instance.version ?? "-",
  ]),
];

/** The table of all instances, 80 columns where names allow, and what is wrong below it. */
export function overview(
  summary: Status,
  instances: readonly InstanceStatus[],
  screen: Screen = process.stdout,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const told = new Set(summary.problems.map(formatProblem));
  const whys = instances.filter(({ why }) => why !== null && !told.has(why));
  const lines = [
    ...shown(rowsOf(instances), screen, env),
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

const hostPort = (address: string, port: number): string =>
  `${address.includes(":") ? `[${address}]` : address}:${port}`;

const egressWord = ({ policy }: Pick<InstanceStatus, "policy">): string =>
  policy.wanted === "none" ? "open" : policy.inForce ? (WORDS[policy.wanted] ?? policy.wanted) : "NOT IN FORCE";
const WORDS: Readonly<Record<string, string>> = { audit: "AUDIT" };

const MIB = 1 << 20;

/** `316 MiB, 12.3 s of CPU, 24 tasks`, and what its limits did; what the host does not count is left out. */
export function usageText(usage: InstanceDetail["usage"]): string | null {
  const { memoryBytes, cpuSeconds, tasks, oomKills, tasksRefused } = usage;
  const parts = [
    memoryBytes === null ? null : `${Math.round(memoryBytes / MIB)} MiB`,
    cpuSeconds === null ? null : `${cpuSeconds.toFixed(1)} s of CPU`,
    tasks === null ? null : `${tasks} tasks`,
    (oomKills ?? 0) === 0 ? null : `killed for want of memory (limits.memoryMax): ${oomKills}`,
    (tasksRefused ?? 0) === 0 ? null : `tasks refused (limits.tasksMax): ${tasksRefused}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(", ");
}

export function detail(instance: InstanceDetail, screen: Screen = process.stdout): string {
  const { output, relaxations, listen, policy, policyObserved, usage, exposure, filesChanged, ...rest } = instance;
  const fields = {
    ...rest,
    listen: listen === null ? null : [hostPort(listen.address, listen.port), ...listen.extraPorts].join(", "),
    egress: policy.wanted === "none" ? "open" : `${policy.wanted}, ${policy.inForce ? "in force" : "NOT IN FORCE"}`,
    observed: policyObserved,
    uses: usageText(usage),
    exposure: exposure === null ? null : `${exposure.toFixed(1)} of 10 (systemd-analyze security)`,
    ...(filesChanged.length === 0 ? {} : { older: `than what is in ${filesChanged.join(", ")} now: restart it` }),
  };
  const pairs = Object.entries(fields).map(([key, value]) => [key, String(value ?? "-")]);
  const relaxed = relaxations.map((line) => ["relaxed", line]);
  return `${[...listed([...pairs, ...relaxed], screen), ...output.map((line) => `  | ${line}`)].join("\n")}\n`;
}
