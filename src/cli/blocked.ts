/** `blocked [NAME] [--suggest] [--json] [--follow] [--all]`: what instances were refused, and what to write to allow it. */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Type } from "typebox";
import { ownAddresses } from "../daemon/egress/addresses.ts";
import { EgressReport } from "../daemon/egress/model.ts";
import { growth, snippet, suggestions, table } from "./blocked-text.ts";
import { get, understood } from "./client.ts";
import { Unavailable } from "./command.ts";
import { EX } from "./exit.ts";
import { widthOf } from "./table.ts";

const Reports = Type.Object({ instances: Type.Array(EgressReport) });
const FOLLOW_MS = 1000;
const OPTIONS = {
  suggest: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  follow: { type: "boolean", short: "f", default: false },
  all: { type: "boolean", default: false },
} as const;

const write = (text: string): void => void process.stdout.write(text);
const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export async function blocked(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [name] = positionals;
  const read = () => reports(name, values.all);
  try {
    const found = await read();
    if (found === null) {
      process.stderr.write(
        `opencode-supervisor: no network policy of an instance ${JSON.stringify(name)} is in force; see \`opencode-supervisor status\`\n`,
      );
      return EX.NOINPUT;
    }
    if (values.suggest)
      write(values.json ? asJson(suggestions(found, ownAddresses())) : snippet(found, ownAddresses()));
    else if (!values.follow) write(values.json ? asJson({ instances: found }) : table(found, widthOf(process.stdout)));
    if (values.follow) await follow(found, read, values.json);
    return EX.OK;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    process.stderr.write(`opencode-supervisor: ${error.message}\n`);
    return EX.UNAVAILABLE;
  }
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
