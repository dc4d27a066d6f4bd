/**
 * The status API: read-only, on a Unix socket that a group may read. Everything it answers is the Status model.
 * Errors are `application/problem+json` (RFC 9457).
 */
import { chmod, chown, rm } from "node:fs/promises";
import Fastify, { type FastifyInstance } from "fastify";
import { Type } from "typebox";
import { type HostFacts, InstanceStatus, instanceStatuses, type Snapshot, Status, status } from "../status.ts";

export interface ApiSource {
  readonly facts: HostFacts;
  snapshot(): Snapshot;
  /** Whether the first pass over all instances is done and the policies are settled. */
  ready(): boolean;
}

const InstanceList = Type.Object({ instances: Type.Array(InstanceStatus) });

/** Routes without a listener; tests use `inject()`. */
export function buildApi(source: ApiSource): FastifyInstance {
  const api = Fastify({ logger: false, bodyLimit: 1024, requestTimeout: 10_000, forceCloseConnections: true });
  const problem = (code: number, title: string, detail: string) => ({
    type: "about:blank",
    status: code,
    title,
    detail,
  });

  api.get("/v1/status", { schema: { response: { 200: Status } } }, () => status(source.snapshot(), source.facts));
  api.get("/v1/instances", { schema: { response: { 200: InstanceList } } }, () => ({
    instances: instanceStatuses(source.snapshot()),
  }));
  api.get<{ Params: { name: string } }>("/v1/instances/:name", (request, reply) => {
    const { name } = request.params;
    const found = instanceStatuses(source.snapshot()).find((instance) => instance.name === name);
    if (found !== undefined) return reply.send(found);
    const detail = `no instance ${JSON.stringify(name.slice(0, 64))}; GET /v1/instances lists them`;
    return reply
      .code(404)
      .type("application/problem+json")
      .send(problem(404, "Not Found", detail));
  });
  api.get("/healthz", () => ({ ok: true }));
  api.get("/readyz", (_request, reply) => {
    const { connected } = source.snapshot();
    if (source.ready() && connected) return reply.send({ ready: true });
    const detail = connected ? "the first pass over the instances is not done" : "systemd's bus cannot be reached";
    return reply
      .code(503)
      .type("application/problem+json")
      .send(problem(503, "Service Unavailable", detail));
  });
  api.setNotFoundHandler((request, reply) => {
    const detail = `${request.method} ${request.url.slice(0, 100)} is not here; GET /v1/status is`;
    return reply
      .code(404)
      .type("application/problem+json")
      .send(problem(404, "Not Found", detail));
  });
  return api;
}

/** Listen on a Unix socket that root and the group may use; a socket left over from a crash is replaced. */
export async function listenOn(api: FastifyInstance, path: string, gid: number): Promise<void> {
  await rm(path, { force: true });
  await api.listen({ path });
  await chown(path, 0, gid);
  await chmod(path, 0o660);
}
