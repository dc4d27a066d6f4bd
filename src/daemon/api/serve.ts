/** All that the daemon listens on: two sockets, and on loopback when asked for. */
import type { FastifyInstance } from "fastify";
import { addEgressRoutes, type EgressSource } from "../egress/routes.ts";
import type { EventRing } from "../events/ring.ts";
import { addEventRoutes } from "../events/routes.ts";
import type { EventSink } from "../events/sink.ts";
import { EventStreams } from "../events/streams.ts";
import { logReader } from "../journal/read.ts";
import type { Timings } from "../metrics/histogram.ts";
import { addMetricsRoute } from "../metrics/routes.ts";
import type { HostFacts } from "../status.ts";
import type { Supervisor } from "../supervisor.ts";
import { buildControl } from "./control.ts";
import { addInstanceRoutes } from "./instance.ts";
import { buildApi, endServing, listenOn, listenOnFd } from "./server.ts";
import { tcpListener } from "./tcp.ts";
import { wantToken } from "./token.ts";

export interface Served {
  readonly facts: HostFacts;
  readonly ready: () => boolean;
  readonly supervisor: Supervisor;
  readonly egress: EgressSource;
  readonly ring: EventRing;
  readonly timings: Timings;
  readonly tell: EventSink;
  readonly sockets: { readonly status: Place; readonly control: Place };
}

/** A socket that systemd passed on, or one to be made. */
export type Place = number | { readonly path: string; readonly gid: number; readonly mode: number };

/** Listens; answers with what ends it. */
export async function serve(served: Served, env: NodeJS.ProcessEnv = process.env): Promise<() => Promise<void>> {
  const { supervisor, sockets, tell } = served;
  const streams = new EventStreams(served.ring);
  const logs = logReader();
  const build = (): FastifyInstance => reading(served, streams, logs);
  const status = build();
  const control = buildControl({
    snapshot: () => supervisor,
    ask: (name, action) => supervisor.ask(name, action),
    tell,
  });
  await listenAt(status, sockets.status);
  await listenAt(control, sockets.control);
  const tcp = await listenTcp(build, env).catch((error: unknown) => {
    tell.error({ kind: "trouble", what: "api" }, `no TCP listener: ${error instanceof Error ? error.message : error}`);
    return null;
  });
  return async () => {
    await Promise.all([status, control, ...(tcp === null ? [] : [tcp])].map(endServing));
  };
}

const listenAt = (api: FastifyInstance, place: Place): Promise<void> =>
  typeof place === "number" ? listenOnFd(api, place) : listenOn(api, place.path, place.gid, place.mode);

/** A server with everything that can be read. */
function reading(served: Served, streams: EventStreams, logs: ReturnType<typeof logReader>): FastifyInstance {
  const { facts, ready, supervisor, egress, ring, timings } = served;
  const snapshot = () => supervisor;
  const api = buildApi({ facts, ready, snapshot });
  addEgressRoutes(api, egress);
  addEventRoutes(api, ring, streams);
  addInstanceRoutes(api, { snapshot, logs });
  addMetricsRoute(api, () => ({
    ...{ facts, timings, snapshot: supervisor },
    ...{ reports: egress.reports(), streams: streams.count },
  }));
  return api;
}

async function listenTcp(build: () => FastifyInstance, env: NodeJS.ProcessEnv): Promise<FastifyInstance | null> {
  const wanted = await tcpListener(env);
  if (wanted === null) return null;
  const api = build();
  wantToken(api, wanted.token);
  await api.listen({ host: wanted.host, port: wanted.port });
  return api;
}
