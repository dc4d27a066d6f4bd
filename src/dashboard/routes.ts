/** What the page asks for, below `api/`: a few read-only paths of the daemon's API, and what instances use. */
import { hostname } from "node:os";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Static, TSchema } from "typebox";
import { InstanceDetail, InstanceList, LogPage, Status } from "../daemon/api/model.ts";
import { EgressReport, EgressReports } from "../daemon/egress/model.ts";
import { EventList } from "../daemon/events/model.ts";
import { readUsage } from "../daemon/host/usage.ts";
import { blockedOf } from "./blocked.ts";
import { HEADERS } from "./headers.ts";
import { relay } from "./live.ts";
import type { About, BlockedReports, Usage, UsageList } from "./model.ts";
import { Refused } from "./problems.ts";
import type { Supervisor } from "./supervisor.ts";

export interface RouteSource {
  readonly supervisor: Supervisor;
  /** What an instance uses; read here and not asked for, as the daemon tells it of one instance at a time. */
  readonly usage?: (name: string) => Promise<Usage>;
  /** What this host is called. */
  readonly host?: string;
}

interface Named {
  Params: { readonly name: string };
  Querystring: Readonly<Record<string, unknown>>;
}

const STREAMS_MOST = 16;
/** How often what all instances use is read at most, however many pages ask. */
const USAGE_MS = 1000;

export function addRoutes(
  api: FastifyInstance,
  base: string,
  { supervisor, usage = readUsage, host = hostname() }: RouteSource,
): void {
  const at = `${base}api/`;
  const found = async <T extends TSchema>(path: string, schema: T): Promise<Static<T>> => {
    const answer = await supervisor.ask(path, schema);
    if (answer === null) throw new Refused("not-found", "the supervisor has nothing there");
    return answer;
  };
  const named = ({ name }: Named["Params"]): string => `/v1/instances/${encodeURIComponent(name)}`;

  api.get(`${at}about`, (): About => ({ host }));
  api.get(`${at}status`, () => found("/v1/status", Status));
  api.get(`${at}instances`, () => found("/v1/instances", InstanceList));
  api.get(`${at}events`, () => found("/v1/events", EventList));
  api.get<Named>(`${at}instances/:name`, ({ params }) => found(named(params), InstanceDetail));
  api.get<Named>(`${at}instances/:name/logs`, ({ params, query }) =>
    found(`${named(params)}/logs?${logQuery(query)}`, LogPage),
  );
  api.get<Named>(`${at}instances/:name/blocked`, async ({ params }) =>
    blockedOf(await found(`${named(params)}/egress`, EgressReport)),
  );
  api.get(`${at}blocked`, async (): Promise<BlockedReports> => {
    const { instances } = await found("/v1/egress/refused", EgressReports);
    return { instances: instances.map(blockedOf) };
  });
  api.get(
    `${at}usage`,
    atMost(USAGE_MS, async (): Promise<UsageList> => {
      const { instances } = await found("/v1/instances", InstanceList);
      const read = instances.map(async ({ name }) => [name, await usage(name)] as const);
      return { instances: Object.fromEntries(await Promise.all(read)), at: performance.now() };
    }),
  );
  api.get<Named>(`${at}events/stream`, streams(supervisor));
}

/** Who asks again sooner gets the same answer. */
function atMost<T>(everyMs: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | null = null;
  return () => {
    const now = performance.now();
    if (last === null || now - last.at > everyMs) last = { at: now, answer: ask() };
    return last.answer;
  };
}

/** `lines` and `after`, and nothing else. */
function logQuery(query: Named["Querystring"]): URLSearchParams {
  const asked = new URLSearchParams();
  for (const key of ["lines", "after"]) if (query[key] !== undefined) asked.set(key, String(query[key]));
  return asked;
}

function streams(supervisor: Supervisor) {
  let count = 0;
  return (
    { headers, query }: { headers: Record<string, unknown>; query: Named["Querystring"] },
    reply: FastifyReply,
  ): void => {
    if (count >= STREAMS_MOST) throw new Refused("too-many-streams", "close another tab of the dashboard");
    const last = headers["last-event-id"] ?? query.after;
    reply.hijack();
    reply.raw.writeHead(200, { ...HEADERS, "content-type": "text/event-stream; charset=utf-8" });
    reply.raw.write("retry: 1000\n\n");
    count++;
    void relay(supervisor, reply.raw, typeof last === "string" ? last : null).finally(() => count--);
  };
}
