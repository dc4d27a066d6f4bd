/** What `--json` prints, by command: published as systemd/cli.schema.json. Lines of `--follow` are one of the things in the list. */
import { type Static, Type } from "typebox";
import { InstanceDetail, InstanceList, InstanceStatus, LogPage, Problem, Status } from "../daemon/api/model.ts";
import { EgressReports } from "../daemon/egress/model.ts";
import { EventList } from "../daemon/events/model.ts";

export const InstanceDifference = Type.Object({
  name: Type.String(),
  effect: Type.Enum(["starts", "stops", "restarts", "policy", "nothing", "kept"]),
  fields: Type.Array(Type.Object({ field: Type.String(), before: Type.Unknown(), after: Type.Unknown() }), {
    description: "`field` is empty for an instance that is new or gone",
  }),
});
export type InstanceDifference = Static<typeof InstanceDifference>;

export const FileDifference = Type.Object({
  instances: Type.Array(InstanceDifference),
  problems: Type.Array(Problem),
});
export type FileDifference = { instances: InstanceDifference[]; problems: readonly Static<typeof Problem>[] };

export const Explanation = Type.Object({
  name: Type.String(),
  settings: Type.Array(
    Type.Object({
      field: Type.String(),
      value: Type.Unknown(),
      from: Type.String({ description: "file, default, name or host" }),
    }),
  ),
  specHash: Type.String(),
  units: Type.Array(
    Type.Object({
      unit: Type.String(),
      properties: Type.Array(
        Type.Object({
          name: Type.String({ description: "as on the bus" }),
          value: Type.String({ description: "JSON" }),
          from: Type.String({ description: "baseline or instance" }),
        }),
      ),
      dropIn: Type.Array(Type.String()),
    }),
  ),
  policy: Type.Array(Type.Object({ field: Type.String(), value: Type.Unknown() })),
  relaxations: Type.Array(Type.String()),
});
export type Explanation = Static<typeof Explanation>;

export const Credentials = Type.Object({ url: Type.String(), user: Type.String(), password: Type.String() });
export type Credentials = Static<typeof Credentials>;

export const Finding = Type.Object({
  what: Type.String(),
  state: Type.Enum(["ok", "weaker", "missing"]),
  found: Type.String(),
  remedy: Type.Union([Type.String(), Type.Null()]),
});
export type Finding = Static<typeof Finding>;
export const Findings = Type.Object({ ok: Type.Boolean(), findings: Type.Array(Finding) });

const Validation = Type.Object({ ok: Type.Boolean(), valid: Type.Integer(), problems: Type.Array(Problem) });
const Suggestions = Type.Record(
  Type.String(),
  Type.Object({ networkIsolation: Type.Object({}), notes: Type.Array(Type.String()) }),
);

const All = Type.Object({ ...Status.properties, list: InstanceList.properties.instances });

/** By command; every command with `--json` is here. */
export const ANSWERS = {
  status: Type.Union([All, InstanceDetail]),
  instances: InstanceList,
  show: InstanceDetail,
  logs: LogPage,
  blocked: Type.Union([EgressReports, Suggestions]),
  events: EventList,
  start: Type.Union([InstanceStatus, All]),
  stop: InstanceStatus,
  restart: InstanceStatus,
  setup: InstanceStatus,
  reset: InstanceStatus,
  reload: All,
  validate: Validation,
  diff: FileDifference,
  explain: Explanation,
  credentials: Credentials,
  doctor: Findings,
} as const;
