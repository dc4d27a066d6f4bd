/**
 * Who may see the page: the browser that opened the link, for as long as this process lives.
 *
 * Cookies know no ports: a server on another port of the same address, an agent's among them, is sent every cookie of that
 * address. So the cookie's `Path` is a secret too, and a browser that visits another port sends nothing there.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const COOKIE = "opencode-supervisor-dashboard";
/** How long the link is good for. */
export const LINK_MS = 10 * 60_000;

const secret = (bytes = 32): string => randomBytes(bytes).toString("base64url");
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
/** In constant time, whatever the lengths. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

export class Access {
  /** Path that all of the page is below: `/…/`. */
  readonly base = `/${secret(16)}/`;
  readonly #session = secret();
  readonly #now: () => number;
  readonly #until: number;
  #token: string | null = secret();

  /** `now`: milliseconds, of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#until = now() + LINK_MS;
  }

  /** Path and query of the link; null once it was used. */
  get link(): string | null {
    return this.#token === null ? null : `/enter?token=${this.#token}`;
  }

  /** `Set-Cookie` for whoever brings the token first and in time; null for everybody else. */
  enter(offered: string): string | null {
    if (this.#token === null || this.#now() > this.#until || !isSame(offered, this.#token)) return null;
    this.#token = null;
    return `${COOKIE}=${this.#session}; Path=${this.base}; HttpOnly; SameSite=Strict`;
  }

  /** Whether a `Cookie` header has the session. Others may set cookies of the same name: one that is right is enough. */
  knows(header: string | undefined): boolean {
    const values = (header ?? "")
      .split(/; */)
      .filter((pair) => pair.startsWith(`${COOKIE}=`))
      .map((pair) => pair.slice(COOKIE.length + 1));
    return values.some((value) => isSame(value, this.#session));
  }
}
