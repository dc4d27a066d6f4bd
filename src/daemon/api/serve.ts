/** All that the daemon answers: on its two sockets, and on loopback when asked for. */
import type { FastifyInstance } from "fastify";
import { addEgressRoutes, type EgressSource } from "../egress/routes.ts";
import type { EventRing } from "../events/ring.ts";
import { addEventRoutes } from "../events/routes.ts";
import type { EventSink } from "../events/sink.ts";
import { EventStreams } from "../events/streams.ts";
import type { Action } from "../instance/actions.ts";
import { logReader } from "../journal/read.ts";
import type { Timings } from "../metrics/histogram.ts";
import { addMetricsRoute } from "../metrics/routes.ts";
import type { HostFacts } from "../status.ts";
import type { Supervisor } from "../supervisor.ts";
import { buildControl } from "./control.ts";
import type { Front } from "./front.ts";
import { addInstanceRoutes } from "./instance.ts";
import type { Fronts } from "./listen.ts";
import { buildApi } from "./server.ts";
import { wantToken } from "./token.ts";

export interface Served {
  readonly facts: HostFacts;
  readonly ready: () => boolean;
  readonly supervisor: Supervisor;
  readonly egress: EgressSource;
  readonly ring: EventRing;
  readonly timings: Timings;
  readonly tell: EventSink;
  readonly fronts: Fronts;
}

/** Answers those who ask at the fronts; resolves to what ends it, and them. */
export async function serve(served: Served): Promise<() => Promise<void>> {
  const { supervisor, fronts, tell } = served;
  const streams = new EventStreams(served.ring);
  const logs = logReader();
  const controls = {
    snapshot: () => supervisor,
    ask: (name: string, action: Action) => supervisor.ask(name, action),
    tell,
  };
  const apis = [reading(served, streams, logs, fronts.status), buildControl(controls, undefined, fronts.control)];
  if (fronts.tcp !== null) {
    const api = reading(served, streams, logs, fronts.tcp.front);
    wantToken(api, fronts.tcp.token);
    apis.push(api);
  }
  await Promise.all(apis.map((api) => api.ready()));
  return async () => {
    await Promise.all(apis.map((api) => api.close()));
  };
}

/** A server with everything that can be read. */
function reading(
  served: Served,
  streams: EventStreams,
  logs: ReturnType<typeof logReader>,
  front: Front,
): FastifyInstance {
  const { facts, ready, supervisor, egress, ring, timings } = served;
  const snapshot = () => supervisor;
  const api = buildApi({ facts, ready, snapshot }, undefined, front);
  addEgressRoutes(api, egress);
  addEventRoutes(api, ring, streams);
  addInstanceRoutes(api, { snapshot, logs });
  addMetricsRoute(api, () => ({
    ...{ facts, timings, snapshot: supervisor },
    ...{ reports: egress.reports(), streams: streams.count },
  }));
  return api;
}
