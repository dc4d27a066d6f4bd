/**
 * The status API: read-only, on a Unix socket that a group may read. Everything it answers is the Status model.
 * Refusals are problem documents: see `problems.ts`. What may be changed is on a socket of its own: see `control.ts`.
 */
import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { type HostFacts, type Snapshot, status } from "../status.ts";
import { endFront, type Front, makeFront } from "./front.ts";
import { instanceList } from "./list.ts";
import type { Status } from "./model.ts";
import { codeOfStatus, Refusal, refuse } from "./problems.ts";
import { describeRoutes, NO_COMPILERS } from "./schemas.ts";

export interface ApiSource {
  readonly facts: HostFacts;
  snapshot(): Snapshot;
  /** Whether the first pass over all instances is done and the policies are settled. */
  ready(): boolean;
}

const JSON_TYPE = "application/json; charset=utf-8";

/** A server without routes, whose refusals are problem documents. `hint` is what there is instead of a path that is not there. */
export function bareServer(hint: string, front: Front = makeFront()): FastifyInstance {
  let answer = (): void => undefined;
  const api = Fastify({
    ...{ logger: false, bodyLimit: 1024, return503OnClosing: false },
    schemaController: NO_COMPILERS,
    frameworkErrors: (error, _request, reply) =>
      void refuse(reply, codeOfStatus(error.statusCode ?? 400), error.message),
    clientErrorHandler: () => undefined, // the front's
    serverFactory: (handler) => {
      answer = () => front.answer(handler);
      return front.server;
    },
  });
  api.addHook("onReady", async () => answer());
  api.addHook("onClose", () => endFront(front));
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
  front?: Front,
): FastifyInstance {
  const api = bareServer("GET /openapi.json says what is", front);
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
}
