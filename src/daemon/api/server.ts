/**
 * The status API: read-only, on a Unix socket that a group may read. Everything it answers is the Status model.
 * Refusals are problem documents: see `problems.ts`. What may be changed is on a socket of its own: see `control.ts`.
 */
import { once } from "node:events";
import { chmod, chown, rm } from "node:fs/promises";
import type { Duplex } from "node:stream";
import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { type HostFacts, type Snapshot, status } from "../status.ts";
import { instanceList } from "./list.ts";
import type { Status } from "./model.ts";
import { type Code, codeOfStatus, problem, Refusal, refuse } from "./problems.ts";
import { describeRoutes, NO_COMPILERS } from "./schemas.ts";

export interface ApiSource {
  readonly facts: HostFacts;
  snapshot(): Snapshot;
  /** Whether the first pass over all instances is done and the policies are settled. */
  ready(): boolean;
}

const JSON_TYPE = "application/json; charset=utf-8";
/** How long those who ask may take, in milliseconds. */
export interface Patience {
  /** For a whole request, the body included. */
  readonly request: number;
  /** Who neither reads nor writes for so long is put out; followers of the events hear something more often. */
  readonly inactive: number;
  /** How often it is looked for requests that take too long. */
  readonly look: number;
}
export const PATIENCE: Patience = { request: 10_000, inactive: 60_000, look: 5000 };
/** Connections at once: a thousand who follow, and a thousand who ask. */
const CONNECTIONS_MOST = 2200;

/** Who is being answered when it ends has so long to get it. */
const LAST_MS = 1000;

/** Left at its 60 s, the shorter limit of headers would be taken for the one of the whole request, and this for that. */
const whole = (request: number) => ({ requestTimeout: request, headersTimeout: request });

/** A server without routes, whose refusals are problem documents. `hint` is what there is instead of a path that is not there. */
export function bareServer(hint: string, { request, inactive, look }: Patience = PATIENCE): FastifyInstance {
  const api = Fastify({
    ...{ logger: false, bodyLimit: 1024, requestTimeout: request, return503OnClosing: false },
    ...{
      connectionTimeout: inactive,
      http: { ...whole(request), connectionsCheckingInterval: look, requireHostHeader: false },
    },
    schemaController: NO_COMPILERS,
    frameworkErrors: (error, _request, reply) =>
      void refuse(reply, codeOfStatus(error.statusCode ?? 400), error.message),
    clientErrorHandler: refuseBytes,
  });
  api.server.maxConnections = CONNECTIONS_MOST;
  refuseOddities(api);
  api.setErrorHandler((error: FastifyError, _request, reply) =>
    refuse(reply, error instanceof Refusal ? error.code : codeOfStatus(error.statusCode ?? 500), error.message),
  );
  api.setNotFoundHandler(({ method, url }, reply) =>
    refuse(reply, "not-found", `${method} ${url.slice(0, 100)} is not here; ${hint}`),
  );
  return api;
}

/** Routes without a listener; tests use `inject()`. `seen` gets the server before its routes, for what is to look at each. */
export function buildApi(
  source: ApiSource,
  seen: (api: FastifyInstance) => void = () => undefined,
  patience: Patience = PATIENCE,
): FastifyInstance {
  const api = bareServer("GET /openapi.json says what is", patience);
  describeRoutes(api);
  seen(api);
  const list = instanceList(() => source.snapshot());
  api.get("/openapi.json", async () => (await import("./openapi.json", { with: { type: "json" } })).default);
  api.get("/v1/status", (): Status => status(source.snapshot(), source.facts));
  api.get("/v1/instances", (_request, reply) => reply.type(JSON_TYPE).send(list()));
  api.get("/healthz", () => ({ ok: true }));
  api.get("/readyz", () => {
    if (!source.snapshot().connected) throw new Refusal("bus-away", "systemd's bus cannot be reached");
    if (!source.ready()) throw new Refusal("not-ready", "the first pass over the instances is not done");
    return { ready: true };
  });
  return api;
}

/** What Node would refuse without a word, or with an empty answer. */
function refuseOddities(api: FastifyInstance): void {
  api.addHook("onRequest", ({ headers: { host }, raw }, _reply, done) =>
    done(host === undefined && raw.httpVersion === "1.1" ? new Refusal("bad-request", "Host: write one") : undefined),
  );
  api.server.on("checkExpectation", ({ socket }) => refuseBytes(new Error("Expect: write 100-continue"), socket));
  api.server.on("connect", (_request, socket) => refuseBytes(new Error("CONNECT: this is no proxy"), socket));
}

const OF_BYTES: Readonly<Record<string, Code>> = {
  HPE_HEADER_OVERFLOW: "too-large",
  ERR_HTTP_REQUEST_TIMEOUT: "too-slow",
};

/** What is not HTTP, or too much of it, or does not come to its end, never becomes a request. */
function refuseBytes(error: Error & { code?: string }, socket: Duplex): void {
  const code = OF_BYTES[error.code ?? ""] ?? "bad-request";
  const body = JSON.stringify(problem(code, error.code ?? error.message));
  const { status, title } = problem(code, "");
  const head = `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  if (socket.writable) socket.end(head + body);
  else socket.destroy();
}

/** Listen on a Unix socket that root may use, and with `mode` 0660 the group; a socket left over from a crash is replaced. */
export async function listenOn(api: FastifyInstance, path: string, gid: number, mode = 0o660): Promise<void> {
  await rm(path, { force: true });
  await api.listen({ path, backlog: CONNECTIONS_MOST });
  await chown(path, 0, gid);
  await chmod(path, mode);
}

/** Listen on a socket that systemd made and keeps, with its owner and mode: see sockets.ts. */
export async function listenOnFd(api: FastifyInstance, fd: number): Promise<void> {
  await api.ready();
  const listening = once(api.server, "listening");
  api.server.listen({ fd }, CONNECTIONS_MOST);
  await listening;
}

/** Ends it. What was asked is answered first, to those who take it; who only holds on to a connection is put out. */
export async function endServing(api: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => api.server.closeAllConnections(), LAST_MS);
  await api.close();
  clearTimeout(cut);
}
