/** `logs NAME`: what an instance's server and setup wrote, as the supervisor reads it from the journal. */
import { setTimeout as delay } from "node:timers/promises";
import { LogPage } from "../daemon/api/model.ts";
import { detailOf, get, understood } from "./client.ts";
import { type Call, Unavailable, UsageError } from "./command.ts";
import { EX } from "./exit.ts";
import { unknownInstance, write, writeJson } from "./output.ts";

const FOLLOW_MS = 500;

export async function logs(name: string, { follow, lines = "100", json }: Call["options"]): Promise<number> {
  if (!/^\d{1,4}$/.test(String(lines)) || Number(lines) < 1 || Number(lines) > 1000)
    throw new UsageError("--lines: write a number from 1 to 1000");
  const isJson = json === true;
  let page = await read(name, `lines=${lines}`);
  if (page === null) return unknownInstance(name);
  if (follow !== true && isJson) writeJson(page);
  else tell(page, isJson);
  while (follow === true) {
    await delay(FOLLOW_MS);
    const from = page.cursor === null ? "lines=1000" : `lines=1000&after=${encodeURIComponent(page.cursor)}`;
    const next = await read(name, from);
    if (next === null) continue; // it is made anew, or was taken out of the file: it may come back
    tell(next, isJson);
    page = next;
  }
  return EX.OK;
}

/** Null when there is no such instance. A supervisor that is being restarted is waited for once there was a first answer. */
async function read(name: string, query: string): Promise<LogPage | null> {
  const answer = await get(`/v1/instances/${encodeURIComponent(name)}/logs?${query}`);
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw new Unavailable(detailOf(answer));
  return understood(LogPage, answer.body);
}

const time = (iso: string): string => iso.slice(0, 19).replace("T", " ");

function tell({ lines }: LogPage, isJson: boolean): void {
  for (const line of lines) {
    const from = line.unit.endsWith("-setup.service") ? "setup: " : "";
    write(isJson ? `${JSON.stringify(line)}\n` : `${time(line.at)}  ${from}${line.message}\n`);
  }
}
