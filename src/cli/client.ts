/** Asking the running supervisor over its status socket. */
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { request } from "../http.ts";
import { RUNTIME_DIR } from "../spec/names.ts";

const SOCKET = `${RUNTIME_DIR}/status.sock`;
const TIMEOUT_MS = 10_000;

/** The supervisor cannot be asked; the message says what to do. */
export class Unavailable extends Error {
  override name = "Unavailable";
}

/** An answer's body as what it should be. Throws {@link Unavailable} when the supervisor that runs is of another version. */
export function understood<T extends TSchema>(schema: T, body: unknown): Static<T> {
  if (Value.Check(schema, body)) return body;
  throw new Unavailable(
    "the supervisor that runs is of another version than this program: systemctl restart opencode-supervisor.service",
  );
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "the supervisor does not run: systemctl start opencode.target",
  ECONNREFUSED: "the supervisor does not run: systemctl start opencode.target",
  EACCES: "only root and members of the group opencode may ask",
};

/** GET a path; the parsed JSON and its HTTP status. Throws {@link Unavailable}. */
export function get(path: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const call = request({ socketPath: SOCKET, path, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    call.on("error", (error: NodeJS.ErrnoException) => {
      reject(new Unavailable(HINTS[error.code ?? ""] ?? `${SOCKET}: ${error.message}`, { cause: error }));
    });
    call.end();
  });
}
