/** Every way in which the dashboard refuses: RFC 9457 documents, as the API's are, with codes of their own. */
import type { FastifyReply } from "fastify";

export const CODES = {
  "not-signed-in": { status: 401, title: "this browser has not opened the link" },
  "another-site": { status: 403, title: "another site asks" },
  "not-found": { status: 404, title: "there is no such path" },
  "only-get": { status: 405, title: "the dashboard only shows" },
  "another-host": { status: 421, title: "this is not the host that was asked for" },
  failed: { status: 500, title: "the dashboard failed" },
  away: { status: 503, title: "the supervisor cannot be asked" },
  "too-many-streams": { status: 503, title: "too many pages follow the events" },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type Code = keyof typeof CODES;

/** A problem as an exception. */
export class Refused extends Error {
  override name = "Refused";
  readonly code: Code;
  constructor(code: Code, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** Answers with the document. `type` is a name for machines, `code` its last part. */
export function refuse(reply: FastifyReply, code: Code, detail: string): FastifyReply {
  const { status, title } = CODES[code];
  const document = { type: `urn:opencode-supervisor:dashboard:${code}`, code, status, title, detail };
  return reply.code(status).type("application/problem+json").send(document);
}
