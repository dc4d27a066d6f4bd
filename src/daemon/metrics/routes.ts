/** `/metrics`, for Prometheus. */
import type { FastifyInstance } from "fastify";
import { metricsText, processUsage, type Source } from "./metrics.ts";

const TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function addMetricsRoute(api: FastifyInstance, source: () => Omit<Source, "process">): void {
  api.get("/metrics", (_request, reply) =>
    reply.type(TYPE).send(metricsText({ ...source(), process: processUsage() })),
  );
}
