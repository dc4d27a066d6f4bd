/** `/v1/events` and `/v1/events/stream`. */
import type { FastifyInstance } from "fastify";
import type { EventsAsked, StreamHeaders } from "../api/description.ts";
import { Refusal } from "../api/problems.ts";
import type { EventList } from "./model.ts";
import type { EventRing } from "./ring.ts";
import { EventStreams } from "./streams.ts";

interface Asked {
  Querystring: EventsAsked;
  Headers: StreamHeaders;
}

export function addEventRoutes(
  api: FastifyInstance,
  ring: EventRing,
  streams: EventStreams = new EventStreams(ring),
): void {
  api.addHook("preClose", async () => streams.close());
  api.get<Asked>("/v1/events", ({ query }): EventList => {
    const instance = query.instance ?? null;
    return { events: ring.all().filter((event) => instance === null || event.instance === instance) };
  });
  api.get<Asked>("/v1/events/stream", { exposeHeadRoute: false }, ({ query, headers }, reply) => {
    if (streams.isFull)
      throw new Refusal("too-many-streams", "no more may follow the events; GET /v1/events has the last ones");
    reply.hijack();
    streams.add(reply.raw, headers["last-event-id"] ?? null, query.instance ?? null);
  });
}
