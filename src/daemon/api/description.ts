/**
 * Every path of the API, with what it takes and answers, as TypeBox: what the routes' own schemas (`schemas.json`),
 * `/openapi.json` and docs/reference/api.md are made from.
 */
import { type Static, type TObject, type TSchema, Type } from "typebox";
import { EgressReport, EgressReports, EgressState } from "../egress/model.ts";
import { EventList } from "../events/model.ts";
import { InstanceDetail, InstanceList, InstanceStatus, LogPage, ProblemDocument, Status } from "./model.ts";
import type { Code } from "./problems.ts";

/** Shapes with a name of their own, under which others refer to them. */
export const MODELS = {
  ...{ Status, InstanceList, InstanceStatus, InstanceDetail, LogPage },
  ...{ EgressReport, EgressReports, EgressState, EventList, Problem: ProblemDocument },
} as const;

/** What the log of an instance is asked for. */
export const LogsAsked = Type.Object({
  lines: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: "how many, at most" }),
  after: Type.Optional(
    // As journald writes them: s=…;i=…;b=…;m=…;t=…;x=…
    Type.String({
      pattern: "^[a-z0-9=;]{1,300}$",
      description: "`cursor` of an earlier answer, to have what came since",
    }),
  ),
});
export type LogsAsked = Static<typeof LogsAsked>;
export const EventsAsked = Type.Object({
  instance: Type.Optional(Type.String({ description: "only this instance's" })),
});
export type EventsAsked = Static<typeof EventsAsked>;
export const StreamHeaders = Type.Object({
  "last-event-id": Type.Optional(Type.String({ description: "go on after this one; without it from now on" })),
});
export type StreamHeaders = Static<typeof StreamHeaders>;

export interface Operation {
  readonly method: "get" | "post";
  /** As fastify writes it: `/v1/instances/:name`. */
  readonly path: string;
  readonly socket: "status" | "control";
  readonly summary: string;
  readonly querystring?: TObject;
  readonly headers?: TObject;
  readonly status?: number;
  /** Null for what is not JSON. */
  readonly answer: TSchema | null;
  readonly contentType?: string;
  readonly problems: readonly Code[];
}

const READ: readonly Operation[] = [
  {
    ...{ method: "get", path: "/v1/status", socket: "status", answer: Status, problems: [] },
    summary: "how all is, and what is wrong",
  },
  {
    ...{ method: "get", path: "/v1/instances", socket: "status", answer: InstanceList, problems: [] },
    summary: "every instance of the file and every one still running, by name",
  },
  {
    ...{ method: "get", path: "/v1/instances/:name", socket: "status", answer: InstanceDetail },
    summary: "one instance, with what it uses now",
    problems: ["no-such-instance", "not-runnable"],
  },
  {
    ...{ method: "get", path: "/v1/instances/:name/logs", socket: "status", answer: LogPage },
    summary: "the last lines of its units in the journal, the oldest first; with `after`, those since",
    querystring: LogsAsked,
    problems: ["no-such-instance", "not-runnable", "bad-request", "busy", "no-journal"],
  },
  {
    ...{ method: "get", path: "/v1/instances/:name/egress", socket: "status", answer: EgressReport },
    summary: "what it was refused, and what to write to allow it",
    problems: ["no-policy"],
  },
  {
    ...{ method: "get", path: "/v1/egress", socket: "status", answer: EgressState, problems: [] },
    summary: "the table of policies, and how often it was put right",
  },
  {
    ...{ method: "get", path: "/v1/egress/refused", socket: "status", answer: EgressReports, problems: [] },
    summary: "what every instance was refused",
  },
  {
    ...{ method: "get", path: "/v1/events", socket: "status", answer: EventList, problems: ["bad-request"] },
    summary: "the last events of this run of the supervisor",
    querystring: EventsAsked,
  },
  {
    ...{ method: "get", path: "/v1/events/stream", socket: "status", answer: null, contentType: "text/event-stream" },
    summary:
      "events as they come: `event` is the kind, `data` the event; `missed` where some are no longer kept. A comment every 15 s",
    querystring: EventsAsked,
    headers: StreamHeaders,
    problems: ["bad-request", "too-many-streams"],
  },
  {
    ...{ method: "get", path: "/healthz", socket: "status", answer: Type.Object({ ok: Type.Boolean() }), problems: [] },
    summary: "answers while the supervisor lives",
  },
  {
    ...{ method: "get", path: "/readyz", socket: "status", answer: Type.Object({ ready: Type.Boolean() }) },
    summary: "whether the first pass over the instances is done and systemd can be reached",
    problems: ["bus-away", "not-ready"],
  },
  {
    ...{ method: "get", path: "/metrics", socket: "status", answer: null, problems: [] },
    ...{ summary: "for Prometheus: see metrics.md", contentType: "text/plain; version=0.0.4" },
  },
  {
    ...{ method: "get", path: "/openapi.json", socket: "status", answer: Type.Object({}), problems: [] },
    summary: "this description",
  },
];

const CONTROL = {
  start: "start it, also after it was stopped by hand or failed",
  stop: "stop it; it stays so until it is started, or changed in the file",
  restart: "restart its server; one that is not up is started",
  setup: "stop it, do its setup again, start it",
  reset: "forget failures: what is blocked is tried at once, what failed is stopped",
} as const;

export const OPERATIONS: readonly Operation[] = [
  ...READ,
  ...Object.entries(CONTROL).map(
    ([action, summary]): Operation => ({
      ...{ method: "post", path: `/v1/instances/:name/${action}`, socket: "control", summary },
      ...{ status: 202, answer: InstanceStatus, problems: ["no-such-instance", "not-runnable"] },
    }),
  ),
];
