/**
 * What the API answers. Types for the daemon, which does not check what it made itself and so does not load TypeBox (100 ms,
 * 15 MB); schemas for those who ask.
 */
import { type Static, Type } from "typebox";

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(inner: T) => Type.Union([inner, Type.Null()]);
const Time = Type.String({ description: "ISO 8601, UTC" });

export const Problem = Type.Object({
  instance: nullable(Type.String()),
  field: Type.String(),
  what: Type.String(),
  fix: Type.String(),
});

export const InstanceStatus = Type.Object({
  name: Type.String(),
  state: Type.String({ description: "see src/daemon/instance/state.ts" }),
  why: nullable(Type.String()),
  since: nullable(Time),
  pid: nullable(Type.Integer()),
  listen: nullable(
    Type.Object({ address: Type.String(), port: Type.Integer(), extraPorts: Type.Array(Type.Integer()) }),
  ),
  version: nullable(Type.String({ description: "of opencode, as the server says" })),
  restarts: Type.Integer(),
  lastExit: nullable(Type.String()),
  output: Type.Array(Type.String(), { description: "last lines of what failed" }),
  policy: Type.Object({
    wanted: Type.String({ description: "none, enforce or audit" }),
    inForce: Type.Boolean({ description: "read back from the kernel" }),
  }),
  policyObserved: nullable(
    Type.String({ description: "when a packet from inside last came through the policy in force; ISO 8601, UTC" }),
  ),
  relaxations: Type.Array(Type.String()),
  unit: Type.String(),
  slice: Type.String(),
  user: nullable(Type.String()),
  directory: nullable(Type.String()),
  stateDir: nullable(Type.String()),
  config: nullable(Type.String()),
  specHash: nullable(Type.String()),
});
export type InstanceStatus = Static<typeof InstanceStatus>;

export const InstanceDetail = Type.Object({
  ...InstanceStatus.properties,
  usage: Type.Object(
    {
      memoryBytes: nullable(Type.Integer()),
      cpuSeconds: nullable(Type.Number({ description: "since its slice was made" })),
      tasks: nullable(Type.Integer()),
      oomKills: nullable(
        Type.Integer({ description: "processes killed for want of memory, since its slice was made" }),
      ),
      tasksRefused: nullable(
        Type.Integer({ description: "times limits.tasksMax kept a process or thread from being made, likewise" }),
      ),
    },
    { description: "of its whole slice; null where it does not run, or the host has no such controller" },
  ),
  filesChanged: Type.Array(Type.String(), {
    description: "of environmentFile, configFile, passwordFile those that hold something else than it was started with",
  }),
  configHash: nullable(Type.String({ description: "SHA-256 of the opencode.json it reads" })),
  exposure: nullable(
    Type.Number({
      description:
        "of its server's unit in force, by `systemd-analyze security`: 0 is tightest, 10 everything open; null while it does not run, or when systemd does not say it in time",
    }),
  ),
});
export type InstanceDetail = Static<typeof InstanceDetail>;

export const LogPage = Type.Object({
  lines: Type.Array(
    Type.Object({
      at: Time,
      unit: Type.String(),
      priority: Type.Integer({ description: "syslog(3)" }),
      message: Type.String(),
    }),
  ),
  cursor: nullable(Type.String({ description: "give it as `after` to have what came since" })),
});
export type LogPage = Static<typeof LogPage>;

export const ProblemDocument = Type.Object({
  type: Type.String(),
  code: Type.String({ description: "stable; see docs/reference/api.md" }),
  status: Type.Integer(),
  title: Type.String(),
  detail: Type.String(),
});
export type ProblemDocument = Static<typeof ProblemDocument>;

export const Status = Type.Object({
  state: Type.String({ description: "ok; degraded when anything needs a person" }),
  version: Type.String(),
  pid: Type.Integer(),
  since: Time,
  file: Type.Object({ path: Type.String(), ok: Type.Boolean(), loadedAt: nullable(Time) }),
  target: Type.String({ description: "active, or inactive: nothing is to run" }),
  egress: Type.Object({
    table: Type.Boolean(),
    owned: Type.Boolean({ description: "the kernel lets nobody else change it" }),
    why: nullable(Type.String()),
    repairs: Type.Integer({ description: "how often policies were put back since the daemon started: GET /v1/egress" }),
    lastRepair: nullable(Time),
  }),
  systemd: Type.Object({ version: Type.Integer(), connected: Type.Boolean() }),
  weaker: Type.Array(Type.String(), { description: "what this host lacks, and what is weaker for it" }),
  instances: Type.Record(Type.String(), Type.Integer(), { description: "how many, by state" }),
  orphans: Type.Array(Type.Object({ name: Type.String(), stateDir: Type.String() }), {
    description: "state of instances that are no longer in the file; never deleted by the supervisor",
  }),
  problems: Type.Array(Problem),
});
export type Status = Static<typeof Status>;

export const InstanceList = Type.Object({ instances: Type.Array(InstanceStatus) });
export type InstanceList = Static<typeof InstanceList>;
