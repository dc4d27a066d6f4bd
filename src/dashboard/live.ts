/**
 * The stream of events to one page. It goes on over restarts of the daemon: the page is told `away` and `here`, and what it
 * missed meanwhile follows. A `beat` says that this process lives, for a tunnel that has died without a word.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Type } from "typebox";
import type { Sent } from "../cli/client.ts";
import type { Supervisor } from "./supervisor.ts";

const AGAIN_MS = 1000;
const BEAT_MS = 10_000;
const Alive = Type.Object({ ok: Type.Boolean() });

/** All events come under one name, so that the page need not know the kinds there are; `kind` says which. */
const block = ({ event, id, data }: Sent): string =>
  id === null ? `event: ${event}\ndata: ${data}\n\n` : `id: ${id}\nevent: event\ndata: ${data}\n\n`;
const said = (event: string, why = ""): string => block({ event, id: null, data: JSON.stringify({ why }) });

/** Writes until the page goes; events from after `lastId` on. */
export async function relay(supervisor: Supervisor, response: ServerResponse, lastId: string | null): Promise<void> {
  const gone = new AbortController();
  const { signal } = gone;
  response.once("close", () => gone.abort());
  const beat = setInterval(() => response.write(said("beat")), BEAT_MS);
  let last = lastId;
  while (!signal.aborted) {
    try {
      await supervisor.ask("/healthz", Alive);
      response.write(said("here"));
      for await (const sent of supervisor.follow(last, signal)) {
        last = sent.id ?? last;
        if (!response.write(block(sent))) await drained(response, signal);
      }
      if (!signal.aborted) response.write(said("away", "the supervisor is being restarted"));
    } catch (error) {
      if (!signal.aborted) response.write(said("away", error instanceof Error ? error.message : String(error)));
    }
    await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined); // the page went
  }
  clearInterval(beat);
}

/** A page that reads slowly is waited for: the daemon keeps the events meanwhile. */
const drained = (response: ServerResponse, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    response.once("drain", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
