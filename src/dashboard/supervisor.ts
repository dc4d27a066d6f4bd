/** The daemon, as the dashboard asks it: over its read socket, with the CLI's own client. */
import type { Static, TSchema } from "typebox";
import { detailOf, get, type Sent, stream, understood } from "../cli/client.ts";
import { Unavailable } from "../cli/command.ts";

export class Supervisor {
  readonly #at: { readonly at?: string };

  /** `socket`: path of its read socket, where it is not the usual one. */
  constructor(socket?: string) {
    this.#at = socket === undefined ? {} : { at: socket };
  }

  /** An answer, checked to be what the page expects; null for 404. Throws {@link Unavailable}. */
  async ask<T extends TSchema>(path: string, schema: T): Promise<Static<T> | null> {
    const answer = await get(path, { ...this.#at, quiet: true });
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw new Unavailable(detailOf(answer));
    return understood(schema, answer.body);
  }

  /** Events after `lastId`, until it ends or `signal` does. Throws {@link Unavailable} when it cannot begin. */
  follow(lastId: string | null, signal: AbortSignal): AsyncIterable<Sent> {
    return stream("/v1/events/stream", lastId, { ...this.#at, signal });
  }
}
