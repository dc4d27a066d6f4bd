/** Asking the running supervisor over its sockets. */
import type { IncomingMessage } from "node:http";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { request } from "../http.ts";
import { RUNTIME_DIR } from "../spec/names.ts";
import { NotPermitted, Unavailable } from "./command.ts";

export type SocketName = "status" | "control";
const socketPath = (name: SocketName): string => `${RUNTIME_DIR}/${name}.sock`;
const TIMEOUT_MS = 30_000;
/** A connection each: one that was kept may be to a supervisor that has ended since. */
const NO_REUSE = false;
/** A person is told what is waited for after so long. */
const WAITING_MS = 2000;
const WAITING = "opencode-supervisor: waiting for the supervisor, which starts or has much to do\n";

/** An answer's body as what it should be. Throws {@link Unavailable} when the supervisor that runs is of another version. */
export function understood<T extends TSchema>(schema: T, body: unknown): Static<T> {
  if (Value.Check(schema, body)) return body;
  throw new Unavailable(
    "the supervisor that runs is of another version than this program: systemctl restart opencode-supervisor.service",
  );
}

const NOT_RUNNING = "the supervisor does not run: systemctl start opencode.target";
const HINTS: Readonly<Record<string, string>> = {
  ENOENT: NOT_RUNNING,
  ECONNREFUSED: NOT_RUNNING,
  ABORT_ERR: "the supervisor does not answer; systemctl status opencode-supervisor.service says how it is",
  EAGAIN: "the supervisor is asked by too many at once; try again",
};
const MAY: Readonly<Record<SocketName, string>> = {
  control: "only root may change anything",
  status: "only root and members of the group opencode may ask",
};

function unavailable(socket: SocketName, at: string, error: NodeJS.ErrnoException): Unavailable {
  if (error.code === "EACCES") return new NotPermitted(MAY[socket], { cause: error });
  const hint = HINTS[error.code ?? ""] ?? `${at}: ${error.message}`;
  return new Unavailable(hint, { cause: error });
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Asked {
  readonly method?: "GET" | "POST";
  readonly socket?: SocketName;
  /** Path of the socket, where it is not the usual one. */
  readonly at?: string;
  /** Nobody is told that this waits. */
  readonly quiet?: boolean;
}

/**
 * Ask for a path; the parsed JSON and its HTTP status. While the supervisor restarts this waits for the next one, which
 * is asked again what the last one was cut off in. Throws {@link Unavailable}.
 */
export async function get(path: string, asking: Asked = {}): Promise<Answer> {
  const { method = "GET", socket = "status", at = socketPath(socket), quiet = !process.stderr.isTTY } = asking;
  const patience = quiet ? undefined : setTimeout(() => void process.stderr.write(WAITING), WAITING_MS);
  const asked = { method, at };
  try {
    return await once(path, asked).catch((error: NodeJS.ErrnoException) => {
      if (method !== "GET" || error.code !== "ECONNRESET") throw error;
      return once(path, asked);
    });
  } catch (error) {
    throw error instanceof Error ? unavailable(socket, at, error) : error;
  } finally {
    clearTimeout(patience);
  }
}

function once(path: string, { method, at }: { readonly method: string; readonly at: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const call = request({ socketPath: at, path, method, signal, agent: NO_REUSE }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    call.on("error", reject);
    call.end();
  });
}

/** Ask for something to be done. */
export const post = (path: string): Promise<Answer> => get(path, { method: "POST", socket: "control" });

/** `detail` of a problem document; what it is instead, when it is none. */
export const detailOf = ({ status, body }: Answer): string =>
  typeof body === "object" && body !== null && "detail" in body ? String(body.detail) : `HTTP status ${status}`;

/** One server-sent event. */
export interface Sent {
  readonly event: string;
  readonly id: string | null;
  readonly data: string;
}

interface Followed {
  readonly at?: string;
  /** Ends it from our side. */
  readonly signal?: AbortSignal;
}

/** Events as they come, from after `lastId` on, until either side ends. Throws {@link Unavailable} when it cannot begin. */
export async function* stream(
  path: string,
  lastId: string | null,
  { at = socketPath("status"), ...more }: Followed = {},
): AsyncGenerator<Sent> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = lastId === null ? {} : { "last-event-id": lastId };
    const call = request({ socketPath: at, path, headers, agent: NO_REUSE, ...more }, resolve);
    call.on("error", (error) => reject(unavailable("status", at, error)));
    call.end();
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Unavailable(`the supervisor answers with HTTP status ${response.statusCode}`);
  }
  response.setEncoding("utf8");
  let text = "";
  try {
    for await (const chunk of response) {
      const blocks = (text + String(chunk)).split("\n\n");
      text = blocks.pop() ?? "";
      for (const sent of blocks.map(sentOf)) if (sent !== null) yield sent;
    }
  } catch {
    return; // it was restarted: the caller asks again
  }
}

/** A block of the stream; null for a comment. */
export function sentOf(block: string): Sent | null {
  const lines = new Map(block.split("\n").map((line) => [line.split(": ", 1)[0] ?? "", line.replace(/^[a-z]+: /, "")]));
  const data = lines.get("data");
  return data === undefined ? null : { event: lines.get("event") ?? "message", id: lines.get("id") ?? null, data };
}
