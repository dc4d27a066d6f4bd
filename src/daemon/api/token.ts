/** The bearer token of the TCP listener: compared in constant time, and wrong ones are answered ever less often. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { Refusal } from "./problems.ts";

const TOKEN_LEAST = 16;
/** Wrong tokens that are looked at in a second; further ones get `too-many-requests`. The right one is always let in. */
const WRONG_PER_SECOND = 10;

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Why it cannot be a token; null when it can. */
export const badToken = (token: string): string | null =>
  /^[\x21-\x7e]+$/.test(token) && token.length >= TOKEN_LEAST
    ? null
    : `the token has to be ${TOKEN_LEAST} or more printable characters on one line`;

/** Lets only requests with the token pass, to whatever path. */
export function wantToken(api: FastifyInstance, token: string, now: () => number = Date.now): void {
  const right = digest(`Bearer ${token}`);
  let second = 0;
  let wrong = 0;
  api.addHook("onRequest", async ({ headers }, reply) => {
    if (timingSafeEqual(digest(headers.authorization ?? ""), right)) return;
    const thisSecond = Math.floor(now() / 1000);
    wrong = thisSecond === second ? wrong + 1 : 1;
    second = thisSecond;
    if (wrong > WRONG_PER_SECOND) throw new Refusal("too-many-requests", "too many wrong tokens; wait a second");
    reply.header("www-authenticate", "Bearer");
    throw new Refusal("unauthorized", "write the header `Authorization: Bearer TOKEN`; see docs/reference/api.md");
  });
}
