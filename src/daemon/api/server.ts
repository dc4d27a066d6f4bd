/**
 * The status API: read-only, on a Unix socket that a group may read. Everything it answers is the Status model.
 * Errors are `application/problem+json` (RFC 9457).
 */
import { chmod, chown, rm } from "node:fs/promises";
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from "fastify";
import { STATUS_CODES } from "../../http.ts";
import { type HostFacts, instanceStatuses, type Snapshot, status } from "../status.ts";
import type { InstanceList, Status } from "./model.ts";

export interface ApiSource {
  readonly facts: HostFacts;
  snapshot(): Snapshot;
  /** Whether the first pass over all instances is done and the policies are settled. */
  ready(): boolean;
}

/** Answer with a problem document (RFC 9457); the title is the status's own name. */
export const refuse = (reply: FastifyReply, code: number, detail: string): FastifyReply =>
  reply
    .code(code)
    .type("application/problem+json")
    .send({ type: "about:blank", status: code, title: STATUS_CODES[code], detail });

/** Routes without a listener; tests use `inject()`. */
export function buildApi(source: ApiSource): FastifyInstance {
  const api = Fastify({
    ...{ logger: false, bodyLimit: 1024, requestTimeout: 10_000, forceCloseConnections: true },
    frameworkErrors: (error, _request, reply) => void refuse(reply, error.statusCode ?? 400, error.message),
  });
  api.setErrorHandler((error: FastifyError, _request, reply) => refuse(reply, error.statusCode ?? 500, error.message));
  api.setNotFoundHandler(({ method, url }, reply) =>
    refuse(reply, 404, `${method} ${url.slice(0, 100)} is not here; GET /v1/status is`),
  );

  api.get("/v1/status", (): Status => status(source.snapshot(), source.facts));
  api.get("/v1/instances", (): InstanceList => ({ instances: instanceStatuses(source.snapshot()) }));
  api.get<{ Params: { name: string } }>("/v1/instances/:name", ({ params }, reply) => {
    const found = instanceStatuses(source.snapshot()).find(({ name }) => name === params.name);
    const unknown = `no instance ${JSON.stringify(params.name.slice(0, 64))}; GET /v1/instances lists them`;
    return found === undefined ? refuse(reply, 404, unknown) : reply.send(found);
  });
  api.get("/healthz", () => ({ ok: true }));
  api.get("/readyz", (_request, reply) => {
    if (!source.snapshot().connected) return refuse(reply, 503, "systemd's bus cannot be reached");
    return source.ready()
      ? reply.send({ ready: true })
      : refuse(reply, 503, "the first pass over the instances is not done");
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
