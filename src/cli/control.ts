/** `start`, `stop`, `restart`, `setup`, `reset`: asked over the control socket; with --wait what becomes of it is waited for. */
import { setTimeout as delay } from "node:timers/promises";
import { InstanceStatus } from "../daemon/api/model.ts";
import { detailOf, get, post, understood } from "./client.ts";
import type { Call } from "./command.ts";
import { EX } from "./exit.ts";
import { failed, unknownInstance, write, writeJson } from "./output.ts";
import { progressLine } from "./progress.ts";

/** States that somebody has to do something about. */
const BAD = new Set(["failed", "unhealthy", "blocked", "disabled", "invalid", "backing-off"]);
const LASTING = new Set([...BAD, "ready", "stopped"]);
const PATIENCE_MS = 60_000;
const EVERY_MS = 100;

/** Exit 0 when it is under way, with --wait when it is ready or stopped; 1 when something stands in the way. */
export async function control(action: string, name: string, options: Call["options"]): Promise<number> {
  const path = `/v1/instances/${encodeURIComponent(name)}`;
  const answer = await post(`${path}/${action}`);
  if (answer.status === 404) return unknownInstance(name);
  if (answer.status !== 202) return failed(answer.status === 409 ? EX.FAILURE : EX.UNAVAILABLE, detailOf(answer));
  const first = understood(InstanceStatus, answer.body);
  const last = options.wait === true ? await settled(path, first) : first;
  if (options.json === true) writeJson(last);
  else write(`${name}: ${last.state}${last.why === null ? "" : `: ${last.why}`}\n`);
  const isDone = options.wait !== true || LASTING.has(last.state);
  return isDone && !BAD.has(last.state) ? EX.OK : EX.FAILURE;
}

/** The instance once it is in a state that lasts; after a minute as it is then. */
async function settled(path: string, first: InstanceStatus): Promise<InstanceStatus> {
  const deadline = Date.now() + PATIENCE_MS;
  const line = process.stderr.isTTY === true ? progressLine() : null; // a script is told how it ended
  let now = first;
  while (!LASTING.has(now.state) && Date.now() < deadline) {
    line?.show(`${now.name}: ${now.state}${now.why === null ? "" : `: ${now.why}`}`);
    await delay(EVERY_MS);
    const answer = await get(path);
    if (answer.status === 200) now = understood(InstanceStatus, answer.body);
  }
  line?.end();
  return now;
}
