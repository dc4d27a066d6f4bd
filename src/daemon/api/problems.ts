/** Every way in which the API refuses: a stable code each, with its HTTP status. Documents are RFC 9457's. */
import type { FastifyReply } from "fastify";

export const CODES = {
  "bad-request": { status: 400, title: "the request cannot be understood" },
  unauthorized: { status: 401, title: "a bearer token is wanted" },
  "not-found": { status: 404, title: "there is no such path" },
  "no-such-instance": { status: 404, title: "there is no such instance" },
  "no-policy": { status: 404, title: "the instance has no network policy in force" },
  "too-slow": { status: 408, title: "the request does not come to its end" },
  "not-runnable": { status: 409, title: "the instance is not to run" },
  "too-large": { status: 413, title: "the request is too large" },
  "too-many-requests": { status: 429, title: "too many wrong tokens" },
  internal: { status: 500, title: "the supervisor failed" },
  "bus-away": { status: 503, title: "systemd's bus cannot be reached" },
  "not-ready": { status: 503, title: "the first pass over the instances is not done" },
  "too-many-streams": { status: 503, title: "too many follow the events already" },
  busy: { status: 503, title: "too many ask for the same at once" },
  "no-journal": { status: 503, title: "the journal cannot be read" },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type Code = keyof typeof CODES;

/** A problem as an exception, for handlers whose work is further down. */
export class Refusal extends Error {
  readonly code: Code;
  constructor(code: Code, detail: string) {
    super(detail);
    this.name = "Refusal";
    this.code = code;
  }
}

/** The document: `type` is a name for machines (no page to fetch), `code` its last part. */
export function problem(code: Code, detail: string) {
  const { status, title } = CODES[code];
  return { type: `urn:opencode-supervisor:problem:${code}`, code, status, title, detail };
}

/** Answer with a problem document. */
export const refuse = (reply: FastifyReply, code: Code, detail: string): FastifyReply => {
  const { status } = CODES[code];
  return reply.code(status).type("application/problem+json").send(problem(code, detail));
};

/** What fastify itself refuses, by HTTP status. */
export const codeOfStatus = (status: number): Code =>
  status === 413 || status === 431 ? "too-large" : status >= 400 && status < 500 ? "bad-request" : "internal";

export const noSuchInstance = (name: string): Refusal =>
  new Refusal("no-such-instance", `no instance ${JSON.stringify(name.slice(0, 64))}; GET /v1/instances lists them`);

export const targetIsDown = (name: string): Refusal =>
  new Refusal("not-runnable", `${name} does not run: opencode.target is not active (systemctl start opencode.target)`);
