/**
 * The dashboard's server, on loopback: who may see the page (access.ts), asked by which name (host.ts), what the page is made of
 * (assets.ts), what it shows (routes.ts). It changes nothing: whatever is not GET is refused.
 */
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Unavailable } from "../cli/command.ts";
import { Access } from "./access.ts";
import type { Asset, Assets } from "./assets.ts";
import { HEADERS } from "./headers.ts";
import { isFromElsewhere, isOurHost } from "./host.ts";
import { Refused, refuse } from "./problems.ts";
import { addRoutes, type RouteSource } from "./routes.ts";

export interface DashboardSource extends RouteSource {
  readonly assets: Assets;
  readonly access?: Access;
}
export interface Dashboard {
  readonly server: FastifyInstance;
  readonly access: Access;
}

const CONNECTIONS_MOST = 128;
const AGAIN = "run `opencode-supervisor dashboard` and open the link that it prints: it is good once, for ten minutes";

/** Everything but the listener; tests use `inject()`. */
export function buildDashboard({ assets, access = new Access(), ...source }: DashboardSource): Dashboard {
  const server = Fastify({
    ...{ logger: false, bodyLimit: 1024, requestTimeout: 10_000, forceCloseConnections: true, exposeHeadRoutes: false },
    frameworkErrors: (error, _request, reply) => void refuse(reply, "not-found", error.message),
  });
  server.server.maxConnections = CONNECTIONS_MOST;
  server.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    check(request, access);
  });
  server.setErrorHandler((error: FastifyError | Refused | Unavailable, request, reply) =>
    fail(error, request, reply, assets),
  );
  server.setNotFoundHandler(({ url }) => {
    throw new Refused("not-found", `nothing is at ${url.slice(0, 100)}`);
  });
  addEntry(server, access);
  for (const [name, asset] of assets) server.get(access.base + name, (_request, reply) => send(reply, asset));
  server.get(access.base, (_request, reply) => send(reply, assets.get("index.html")));
  addRoutes(server, access.base, source);
  return { server, access };
}

/** For every request, before anything else is looked at. @throws Refused */
function check({ method, headers, routeOptions }: FastifyRequest, access: Access): void {
  if (!isOurHost(headers.host))
    throw new Refused("another-host", "ask for 127.0.0.1, [::1] or localhost; from elsewhere through ssh -L");
  if (isFromElsewhere(headers["sec-fetch-site"]) && routeOptions.url !== ENTRY)
    throw new Refused("another-site", "only the dashboard itself may ask");
  if (method !== "GET") throw new Refused("only-get", "write GET; changes are made with `opencode-supervisor`");
  if (routeOptions.url !== ENTRY && !access.knows(headers.cookie)) throw new Refused("not-signed-in", AGAIN);
}

const ENTRY = "/enter";

/**
 * The link. The page is gone to by itself and not by a redirect: after one, a browser that followed the link from another
 * site would leave the cookie out.
 */
function addEntry(server: FastifyInstance, access: Access): void {
  server.get<{ Querystring: { readonly token?: unknown } }>(ENTRY, ({ query }, reply) => {
    const cookie = access.enter(String(query.token ?? ""));
    if (cookie === null) throw new Refused("not-signed-in", `this link was used, or is too old: ${AGAIN}`);
    reply.header("set-cookie", cookie).header("refresh", `0; url=${access.base}`).type("text/html; charset=utf-8");
    return reply.send(
      `<!doctype html><title>opencode-supervisor</title><link rel="icon" href="${access.base}icon.svg"><a href="${access.base}">Go on to the dashboard</a>`,
    );
  });
}

const send = (reply: FastifyReply, asset: Asset | undefined): FastifyReply => {
  if (asset === undefined) throw new Refused("not-found", "the page was not built");
  return reply.type(asset.type).send(asset.bytes);
};

/** A problem document; for a person without a session a page that says what to do. */
function fail(
  error: FastifyError | Refused | Unavailable,
  request: FastifyRequest,
  reply: FastifyReply,
  assets: Assets,
) {
  if (error instanceof Refused) {
    const page = assets.get("refused.html");
    const isPerson = error.code === "not-signed-in" && (request.headers.accept ?? "").includes("text/html");
    if (isPerson && page !== undefined) return reply.code(401).type(page.type).send(page.bytes);
    if (error.code === "only-get") reply.header("allow", "GET");
    return refuse(reply, error.code, error.message);
  }
  if (error instanceof Unavailable) return refuse(reply, "away", error.message);
  const isTheirs = "statusCode" in error && (error.statusCode ?? 500) < 500;
  return refuse(reply, isTheirs ? "not-found" : "failed", error.message);
}
