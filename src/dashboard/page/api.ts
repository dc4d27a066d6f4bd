/** Asking this page's own server; it has checked the shape of each answer. */
import type { Answers } from "../model.ts";

/** It was not answered as asked. `isOver`: no later try will be, as the session is. */
export class NotAnswered extends Error {
  readonly isOver: boolean;
  readonly isUnknown: boolean;
  constructor(why: string, status = 0) {
    super(why);
    this.isOver = status === 401;
    this.isUnknown = status === 404;
  }
}

const of = (name: string): string => `api/instances/${encodeURIComponent(name)}`;

/** Path of each answer. */
const PATHS = {
  about: () => "api/about",
  status: () => "api/status",
  instances: () => "api/instances",
  events: () => "api/events",
  blocked: () => "api/blocked",
  usage: () => "api/usage",
  instance: of,
  "instance's blocked": (name: string) => `${of(name)}/blocked`,
  logs: (name: string, cursor: string | null) =>
    `${of(name)}/logs?${new URLSearchParams(cursor === null ? { lines: "200" } : { lines: "200", after: cursor })}`,
} as const satisfies Readonly<Record<keyof Answers, (...args: never[]) => string>>;

/** Throws {@link NotAnswered}. */
export async function ask<K extends keyof Answers>(
  what: K,
  ...args: Parameters<(typeof PATHS)[K]>
): Promise<Answers[K]> {
  const path = Reflect.apply(PATHS[what], null, args);
  const response = await fetch(path).catch((error: unknown) => {
    throw new NotAnswered(error instanceof Error ? error.message : String(error));
  });
  if (!response.ok) throw new NotAnswered(await detailOf(response), response.status);
  return response.json();
}

/** `detail` of a problem document. */
async function detailOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  return typeof body === "object" && body !== null && "detail" in body ? String(body.detail) : response.statusText;
}
