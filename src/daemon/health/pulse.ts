/**
 * A look at a server that is ready: cheap, as every instance is looked at for ever. One request on a connection of its own,
 * in turn for `/global/health` and `/config`. Whose the listener is was found out by asking the kernel who listens; after that
 * one link says that it still is the same socket, and only then is the password sent.
 */
import { connect } from "node:net";
import { SERVER_USER } from "../host/credentials.ts";
import type { Histogram } from "../metrics/histogram.ts";
import { plain } from "../text.ts";
import { excuse, type Sample, sample } from "./excuse.ts";
import type { Pulse } from "./judge.ts";
import { formatHolder, type Held, heldBy, holderOf, isHeld, socketsAt } from "./listener.ts";
import { LOOPBACK, type Target } from "./probe.ts";

/** A timer this much late means that this process, or the host, had no time: what was not answered proves nothing. */
const LATE_MS = 500;
const BODY_MOST = 4096;
const HEALTHY = /"healthy"\s*:\s*(true|false)/;

/** Where it is written down how long each look took, and whether the server was well. */
type Recorder = Pick<Histogram, "observe">;

/**
 * Looks at the one run of a server, again and again, each time with so many milliseconds of patience. Silent is only what
 * was asked for and not answered; whatever fails here before that (the bus, a file, a descriptor) says nothing of the server
 * and is not recorded.
 */
export function pulseOf(target: Target, record?: Recorder): (patienceMs: number) => Promise<Pulse> {
  const host = LOOPBACK[target.address] ?? target.address;
  const { port } = target;
  let known: { readonly held: Held; readonly authorization: string } | null = null;
  let process: string | null = null;
  let suspicion: { readonly first: Sample; readonly last: Sample } | null = null;
  let turn = 0;

  const look = async (patienceMs: number): Promise<Pulse> => {
    if (known !== null && !(await isHeld(known.held))) known = null;
    if (known === null) {
      const { password, controlGroup } = await target.secrets();
      const sockets = await socketsAt(host, port);
      const held = await heldBy(sockets, controlGroup);
      if (held === null) return await notOurs(sockets, port);
      known = { held, authorization: Buffer.from(`${SERVER_USER}:${password}`).toString("base64") };
      process = held.path.replace(/\/fd\/\d+$/, "");
    }
    const path = turn++ % 2 === 0 ? "/global/health" : "/config";
    const { status, body } = await ask({ host, port, path, patienceMs, authorization: known.authorization });
    const well = status === 200 && (path === "/config" || HEALTHY.exec(body)?.[1] === "true");
    return well ? { kind: "alive" } : { kind: "sick", why: `${path} answers ${status}: ${plain(body, 200)}` };
  };

  /** The first silence has nothing to be compared with; it decides nothing alone. */
  const isExcused = async (): Promise<boolean> => {
    const now = await sample(process, (await target.secrets()).controlGroup);
    const { first, last } = suspicion ?? { first: now, last: now };
    const excused = suspicion !== null && excuse(first, last, now) !== null;
    suspicion = { first, last: now };
    return excused;
  };

  return async (patienceMs) => {
    const started = performance.now();
    try {
      const seen = await look(patienceMs).catch((error: unknown): Pulse => {
        if (!(error instanceof Silence)) throw error;
        return { kind: "silent", why: `port ${port}: ${plain(error.message)}` };
      });
      if (seen.kind !== "unknown") record?.observe((performance.now() - started) / 1000, seen.kind === "alive");
      if (seen.kind !== "silent") {
        suspicion = null;
        return seen;
      }
      const isLate = performance.now() - started > patienceMs + LATE_MS;
      return (await isExcused()) || isLate ? { kind: "unknown" } : seen;
    } catch {
      return { kind: "unknown" };
    }
  };
}

async function notOurs(sockets: readonly string[], port: number): Promise<Pulse> {
  if (sockets.length === 0) return { kind: "silent", why: `nothing listens on port ${port} any more` };
  const holder = await holderOf(sockets);
  return holder === null
    ? { kind: "unknown" }
    : { kind: "sick", why: `port ${port} is held by ${formatHolder(holder)}` };
}

/** The server was asked and gave no answer. */
class Silence extends Error {}
/** What a connection ends with when it is the server's doing; anything else is for want of something here. */
const ITS_DOING = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

interface Request {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly patienceMs: number;
  readonly authorization: string;
}

/** GET over a bare socket, a third of what node:http costs; HTTP/1.0, as that has no chunks. Reads no more than is needed to say how it is. */
function ask({ host, port, path, patienceMs, authorization }: Request): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host, port });
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const fail = (why: string): void => end(() => reject(new Silence(why)));
    const timer = setTimeout(() => fail(`${path} does not answer within ${patienceMs} ms`), patienceMs);
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
    socket.on("error", (error: NodeJS.ErrnoException) =>
      ITS_DOING.has(error.code ?? "") ? fail(error.message) : end(() => reject(error)),
    );
    socket.write(`GET ${path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic ${authorization}\r\n\r\n`);
  });
}
