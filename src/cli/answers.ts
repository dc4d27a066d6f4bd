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
  policy: Type.Array(
    Type.Object({
      ...{ field: Type.String(), value: Type.Unknown() },
      setting: Type.String({ description: "the one of `settings` that it follows from" }),
      from: Type.String({ description: "where that is from" }),
    }),
  ),
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

export const Removal = Type.Object({
  ok: Type.Boolean({ description: "nothing is left but `kept`" }),
  removed: Type.Array(Type.String(), { description: "instances of which there was more than their state" }),
  left: Type.Array(Type.String(), { description: "instances that could not be taken away" }),
  problems: Type.Array(Problem, { description: "what they are held by" }),
  troubles: Type.Array(Type.String(), { description: "what else failed" }),
  kept: Type.Array(Type.String(), { description: "directories that stay: state and passwords" }),
});
export type Removal = Static<typeof Removal>;

/** What `attach` runs. The password is in none of it: the program finds it in its environment. */
export const Attachment = Type.Object({
  url: Type.String(),
  directory: Type.Union([Type.String(), Type.Null()], { description: "of the instance" }),
  program: Type.String(),
  arguments: Type.Array(Type.String()),
  environment: Type.Array(Type.String(), { description: "names of the variables that user and password are in" }),
});
export type Attachment = Static<typeof Attachment>;

export const Commands = Type.Object({
  commands: Type.Array(
    Type.Object({
      name: Type.String(),
      help: Type.String(),
      arguments: Type.Array(Type.Object({ name: Type.String(), kind: Type.Enum(["required", "optional", "many"]) })),
      options: Type.Array(
        Type.Object({
          name: Type.String({ description: "written --NAME" }),
          short: Type.Union([Type.String(), Type.Null()], { description: "written -SHORT" }),
          value: Type.Union([Type.String(), Type.Null()], {
            description: "what it takes; null for one that takes none",
          }),
          help: Type.String(),
        }),
      ),
    }),
  ),
  script: Type.Union([Type.String(), Type.Null()], { description: "for the shell that was asked for" }),
});
export type Commands = Static<typeof Commands>;

export const Link = Type.Object({
  url: Type.String({ description: "good once" }),
  seconds: Type.Integer({ description: "how long it is good for" }),
  ssh: Type.String({ description: "the command that brings it to another computer" }),
});
export type Link = Static<typeof Link>;

const LogLine = Type.Object({
  level: Type.Integer({ description: "pino's: 30 info, 40 warning, 50 error" }),
  time: Type.Integer({ description: "milliseconds since 1970, UTC" }),
  msg: Type.String(),
  kind: Type.Optional(Type.String({ description: "see docs/reference/events.md" })),
  instance: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

const All = Type.Object({ ...Status.properties, list: InstanceList.properties.instances });

/** By command; every command is here. `daemon` prints a line for each event. */
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
  attach: Attachment,
  doctor: Findings,
  dashboard: Link,
  teardown: Removal,
  completions: Commands,
  daemon: LogLine,
} as const;
