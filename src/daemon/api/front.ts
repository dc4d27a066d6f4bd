/** What listens: Node's server, with its limits and what it refuses by itself. Who asks waits until there is somebody to answer. */
import { once } from "node:events";
import { chmod, chown, rm } from "node:fs/promises";
import type { RequestListener, Server } from "node:http";
import type { ListenOptions } from "node:net";
import type { Duplex } from "node:stream";
import { createServer } from "../../http.ts";
import { type Code, problem } from "./problems.ts";

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
/** Between two requests on one connection, in milliseconds. */
const KEEP_ALIVE_MS = 72_000;
/** Who is being answered when it ends has so long to get it. */
const LAST_MS = 1000;

export interface Front {
  readonly server: Server;
  /** Resolves when somebody asks before there is anybody to answer. */
  readonly asked: Promise<void>;
  /** Who answers from now on; those who wait come first. */
  answer(by: RequestListener): void;
}

/** A socket that systemd passed on, one to be made, or an address. */
export type Place =
  | number
  | { readonly path: string; readonly gid: number; readonly mode: number }
  | { readonly host: string; readonly port: number };

/** Left at its 60 s, the shorter limit of headers would be taken for the one of the whole request, and this for that. */
const whole = (request: number) => ({ requestTimeout: request, headersTimeout: request });

export function makeFront({ request, inactive, look }: Patience = PATIENCE): Front {
  const first = Promise.withResolvers<void>();
  const waiting: Parameters<RequestListener>[] = [];
  let answer: RequestListener = (...asked) => {
    waiting.push(asked);
    first.resolve();
  };
  const limits = { ...whole(request), connectionsCheckingInterval: look, keepAliveTimeout: KEEP_ALIVE_MS };
  const server = createServer({ ...limits, requireHostHeader: false }, (...asked) => answer(...asked));
  server.setTimeout(inactive);
  server.maxConnections = CONNECTIONS_MOST;
  server.on("clientError", refuseBytes);
  server.on("checkExpectation", ({ socket }) => refuseBytes(new Error("Expect: write 100-continue"), socket));
  server.on("connect", (_request, socket) => refuseBytes(new Error("CONNECT: this is no proxy"), socket));
  return {
    server,
    asked: first.promise,
    answer: (by) => {
      answer = by;
      for (const asked of waiting.splice(0)) by(...asked);
    },
  };
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

/**
 * Listen: on a socket that systemd made and keeps, with its owner and mode (see sockets.ts); on a Unix socket that root may use
 * and with `mode` 0660 the group, one left over from a crash being replaced; or on TCP.
 */
export async function listenAt({ server }: Pick<Front, "server">, place: Place): Promise<void> {
  if (typeof place === "number") return listening(server, { fd: place });
  if ("host" in place) return listening(server, place);
  await rm(place.path, { force: true });
  await listening(server, { path: place.path });
  await chown(place.path, 0, place.gid);
  await chmod(place.path, place.mode);
}

async function listening(server: Server, where: ListenOptions & { readonly fd?: number }): Promise<void> {
  const listens = once(server, "listening");
  server.listen({ ...where, backlog: CONNECTIONS_MOST });
  await listens;
}

/** Ends it. What was asked is answered first, to those who take it; who only holds on to a connection is put out. */
export async function endFront({ server }: Pick<Front, "server">): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), LAST_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(cut);
}
