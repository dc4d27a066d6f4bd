/**
 * Is the server of an instance ready? Ready is: `/global/health` says healthy *and* `/config` answers, both with the
 * instance's credentials. Health alone says 200 on a broken config, and a request made while it starts is never answered.
 */
import { request } from "../../http.ts";
import { SERVER_USER } from "../host/credentials.ts";
import { plain } from "../text.ts";
import { formatHolder, heldBy, holderOf, socketsAt } from "./listener.ts";

export interface Target {
  /** The address it listens on; a wildcard is probed on loopback. */
  readonly address: string;
  readonly port: number;
  /** Asked for once something listens: the password, and the ControlGroup of the main unit. */
  readonly secrets: () => Promise<Secrets>;
}

export interface Secrets {
  readonly password: string;
  readonly controlGroup: string;
}

export type ProbeResult =
  | { readonly ready: true; readonly version: string }
  /** `silent`: its own listener is there, and nothing was answered. */
  | { readonly ready: false; readonly why: string; readonly silent?: true };

/**
 * opencode never answers what it is asked in the first tenths of a second that it listens (measured: until 0.15–0.45 s), and
 * at once what it is asked after that: so the first question is soon asked anew, each time with twice the patience.
 */
const PATIENCE_MS = 250;
const PATIENCE_MOST_MS = 1000;
const BODY_MOST = 64 * 1024;
/** Where a server that listens everywhere is asked. */
export const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** One try. Never throws; says why not in a line fit for the status. */
export async function probe(target: Target): Promise<ProbeResult> {
  const { port } = target;
  const host = LOOPBACK[target.address] ?? target.address;
  const not = (why: string): ProbeResult => ({ ready: false, why });
  try {
    const sockets = await socketsAt(host, port);
    if (sockets.length === 0) return not(`nothing listens on port ${port} yet`);
    const { password, controlGroup } = await target.secrets();
    if ((await heldBy(sockets, controlGroup)) === null) {
      return not(`port ${port} is held by ${formatHolder(await holderOf(sockets))}`);
    }
    const server = { host, port, auth: `${SERVER_USER}:${password}` };
    const health = await insist(server, "/global/health");
    const version = versionOf(health);
    if (version === null) return not(complaint("/global/health", health));
    const config = await get(server, "/config", PATIENCE_MOST_MS);
    return config.status === 200 ? { ready: true, version } : not(complaint("/config", config));
  } catch (error) {
    if (error instanceof Silence) return { ready: false, why: `port ${port}: ${error.message}`, silent: true };
    return not(`port ${port}: ${plain(error instanceof Error ? error.message : String(error))}`);
  }
}

/** The instance's own server does not answer. */
class Silence extends Error {}

interface Server {
  readonly host: string;
  readonly port: number;
  /** `user:password` of HTTP Basic authentication. */
  readonly auth: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function versionOf({ status, body }: Answer): string | null {
  if (status !== 200) return null;
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== "object" || parsed === null || !("healthy" in parsed) || parsed.healthy !== true) return null;
    return "version" in parsed && typeof parsed.version === "string" ? plain(parsed.version, 64) : "unknown";
  } catch {
    return null;
  }
}

function complaint(path: string, { status, body }: Answer): string {
  if (status === 401) return `${path} refuses the password: the environment sets another one; use passwordFile`;
  return `${path} answers ${status}: ${plain(body)}`;
}

/** Asks until there is an answer, as long as there is patience. */
async function insist(server: Server, path: string): Promise<Answer> {
  for (let patience = PATIENCE_MS; ; patience *= 2) {
    try {
      return await get(server, path, patience);
    } catch (error) {
      if (!(error instanceof Silence) || patience >= PATIENCE_MOST_MS) throw error;
    }
  }
}

/** GET without following redirects, at most {@link BODY_MOST} bytes, within so many milliseconds. */
function get(server: Server, path: string, patienceMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patienceMs);
    const fail = (error: Error): void =>
      reject(signal.aborted ? new Silence(`${path} does not answer within ${patienceMs} ms`) : error);
    const call = request({ ...server, path, agent: false, signal }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > BODY_MOST) response.destroy(new Error(`${path} answers more than ${BODY_MOST} bytes`));
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", fail);
    });
    // Without this Node drops the connection, and says nothing of it.
    call.on("upgrade", ({ statusCode = 0 }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, body: "" });
    });
    call.on("error", fail);
    call.end();
  });
}
