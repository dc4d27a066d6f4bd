/**
 * A look at a server that is ready: cheap, as every instance is looked at for ever. One request on a connection of its own,
 * in turn for `/global/health` and `/config`. Whose the listener is was found out by reading the kernel's table; after that
 * one link says that it still is the same socket, and only then is the password sent.
 */
import { connect } from "node:net";
import { SERVER_USER } from "../host/credentials.ts";
import { plain } from "../text.ts";
import type { Pulse } from "./judge.ts";
import { formatHolder, type Held, heldBy, holderOf, isHeld } from "./listener.ts";
import { LOOPBACK, type Target } from "./probe.ts";

const TRY_MS = 5000;
/** A timer this much late means that this process, or the host, had no time: what was not answered proves nothing. */
const LATE_MS = 500;
const BODY_MOST = 4096;
const HEALTHY = /"healthy"\s*:\s*(true|false)/;

/** Looks at the one run of a server, again and again. */
export function pulseOf(target: Target): () => Promise<Pulse> {
  const host = LOOPBACK[target.address] ?? target.address;
  const { port } = target;
  let known: { readonly held: Held; readonly authorization: string } | null = null;
  let turn = 0;

  const look = async (): Promise<Pulse> => {
    if (known !== null && !(await isHeld(known.held))) known = null;
    if (known === null) {
      const { password, controlGroup } = await target.secrets();
      const held = await heldBy(host, port, controlGroup);
      if (held === null) return await notOurs(host, port);
      known = { held, authorization: Buffer.from(`${SERVER_USER}:${password}`).toString("base64") };
    }
    const path = turn++ % 2 === 0 ? "/global/health" : "/config";
    const { status, body } = await ask({ host, port, path, authorization: known.authorization });
    const well = status === 200 && (path === "/config" || HEALTHY.exec(body)?.[1] === "true");
    return well ? { kind: "alive" } : { kind: "sick", why: `${path} answers ${status}: ${plain(body, 200)}` };
  };

  return async () => {
    const started = performance.now();
    try {
      return await look();
    } catch (error) {
      if (performance.now() - started > TRY_MS + LATE_MS) return { kind: "unknown" };
      return { kind: "silent", why: `port ${port}: ${plain(error instanceof Error ? error.message : String(error))}` };
    }
  };
}

async function notOurs(host: string, port: number): Promise<Pulse> {
  const holder = await holderOf(host, port);
  if (holder === null) return { kind: "silent", why: `nothing listens on port ${port} any more` };
  return { kind: "sick", why: `port ${port} is held by ${formatHolder(holder)}` };
}

interface Request {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly authorization: string;
}

/** GET over a bare socket, a third of what node:http costs; HTTP/1.0, as that has no chunks. Reads no more than is needed to say how it is. */
function ask({ host, port, path, authorization }: Request): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host, port });
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const fail = (why: string): void => end(() => reject(new Error(why)));
    const timer = setTimeout(() => fail(`${path} does not answer within ${TRY_MS} ms`), TRY_MS);
    const answer = (): void => {
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
      if (status === undefined) fail(`${path} is not answered in HTTP`);
      else end(() => resolve({ status: Number(status), body: text.slice(text.indexOf("\r\n\r\n") + 4) }));
    };
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      const isEnough = /^HTTP\/1.[01] 200/.test(text) && (path === "/config" || HEALTHY.test(text));
      if (isEnough || text.length > BODY_MOST) answer();
    });
    socket.on("end", answer);
    socket.on("error", (error) => fail(error.message));
    socket.write(`GET ${path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic ${authorization}\r\n\r\n`);
  });
}
