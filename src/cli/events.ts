/** `events [NAME]`: what happened, from the supervisor's own record; with --follow as it happens, over its restarts. */
import { setTimeout as delay } from "node:timers/promises";
import { EventList, SupervisorEvent } from "../daemon/events/model.ts";
import { get, stream, understood } from "./client.ts";
import type { Call } from "./command.ts";
import { Unavailable } from "./command.ts";
import { EX } from "./exit.ts";
import { complain, unknownInstance, write, writeJson } from "./output.ts";
import { hasColour, painted } from "./table.ts";

const AGAIN_MS = 1000;

export async function events(name: string | undefined, { follow, json }: Call["options"]): Promise<number> {
  const query = name === undefined ? "" : `?instance=${encodeURIComponent(name)}`;
  const { events: found } = understood(EventList, (await get(`/v1/events${query}`)).body);
  if (found.length === 0 && follow !== true && name !== undefined && (await isUnknown(name)))
    return unknownInstance(name);
  if (follow !== true && json === true) writeJson({ events: found });
  else for (const event of found) tell(event, json === true);
  if (follow === true) await goOn(query, found.at(-1)?.id ?? null, json === true);
  return EX.OK;
}

const isUnknown = async (name: string): Promise<boolean> =>
  (await get(`/v1/instances/${encodeURIComponent(name)}`)).status === 404;

const colour = hasColour(process.stdout, process.env);

/** `2026-11-21 01:02:03  warning  a: blocked: …` */
export const eventText = ({ at, severity, message }: SupervisorEvent): string =>
  `${at.slice(0, 19).replace("T", " ")}  ${severity.padEnd(7)}  ${message}`;

function tell(event: SupervisorEvent, isJson: boolean): void {
  write(isJson ? `${JSON.stringify(event)}\n` : `${painted(eventText(event), colour)}\n`);
}

/** Goes on where it was after each end of the connection; the supervisor may be restarted meanwhile. */
async function goOn(query: string, from: string | null, isJson: boolean): Promise<never> {
  for (let last = from; ; await delay(AGAIN_MS)) {
    try {
      for await (const { event, data } of stream(`/v1/events/stream${query}`, last)) {
        if (event === "missed") {
          complain(
            "some events are no longer kept, or the supervisor was restarted: journalctl -u opencode-supervisor has all",
          );
          continue;
        }
        const told = understood(SupervisorEvent, JSON.parse(data));
        last = told.id;
        tell(told, isJson);
      }
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
}
