/** `blocked [NAME] [--suggest] [--json] [--follow] [--all]`: what instances were refused, and what to write to allow it. */
import { setTimeout as delay } from "node:timers/promises";
import { Type } from "typebox";
import { ownAddresses } from "../daemon/egress/addresses.ts";
import { EgressReport } from "../daemon/egress/model.ts";
import { growth, snippet, suggestions, table } from "./blocked-text.ts";
import { get, understood } from "./client.ts";
import type { Call } from "./command.ts";
import { EX } from "./exit.ts";
import { failed, write } from "./output.ts";
import { widthOf } from "./table.ts";

const Reports = Type.Object({ instances: Type.Array(EgressReport) });
const FOLLOW_MS = 1000;

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export async function blocked(name: string | undefined, options: Call["options"]): Promise<number> {
  const isJson = options.json === true;
  const read = () => reports(name, options.all === true);
  const found = await read();
  if (found === null) {
    const which = JSON.stringify(name);
    return failed(
      EX.NOINPUT,
      `no network policy of an instance ${which} is in force; see \`opencode-supervisor status\``,
    );
  }
  if (options.suggest === true)
    write(isJson ? asJson(suggestions(found, ownAddresses())) : snippet(found, ownAddresses()));
  else if (options.follow !== true)
    write(isJson ? asJson({ instances: found }) : table(found, widthOf(process.stdout)));
  if (options.follow === true) await follow(found, read, isJson);
  return EX.OK;
}

/** What is muted is left out, unless all is asked for. Null when there is no such instance. */
async function reports(name: string | undefined, all: boolean): Promise<EgressReport[] | null> {
  const path = name === undefined ? "/v1/egress/refused" : `/v1/instances/${encodeURIComponent(name)}/egress`;
  const { status, body } = await get(path);
  if (status === 404) return null;
  const found = name === undefined ? understood(Reports, body).instances : [understood(EgressReport, body)];
  if (all) return found;
  return found.map((report) => ({ ...report, destinations: report.destinations.filter(({ muted }) => !muted) }));
}

/** A line for each destination that is new or goes on, until somebody ends it; an instance that goes is waited for. */
async function follow(
  first: readonly EgressReport[],
  read: () => Promise<EgressReport[] | null>,
  json: boolean,
): Promise<never> {
  for (let before = first; ; ) {
    await delay(FOLLOW_MS);
    const now = await read();
    if (now === null) continue;
    for (const { text, line } of growth(before, now)) write(json ? `${JSON.stringify(line)}\n` : `${text}\n`);
    before = now;
  }
}
