/** The daemon's log: journald by a worker when systemd started us, lines of JSON on standard output otherwise. */
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { formatProblem } from "../../spec/problem.ts";
import type { EgressEvents } from "../egress/egress.ts";
import type { EventSink } from "../events/sink.ts";
import { stateOf } from "../instance/state.ts";
import type { View } from "../instance/view.ts";
import type { SupervisorPorts } from "../supervisor.ts";
import { logEgress } from "./egress.ts";

/** The transport beside this file: `.ts` in the source tree, `.js` when built. */
const TRANSPORT = fileURLToPath(import.meta.url).replace(/logger\.(ts|js)$/, "transport.$1");

/** It holds a line at a time; without limits V8 leaves it to grow. */
const WORKER = { resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 } };

/** pino is loaded only here: that takes longer than all that there is to say at first. */
export async function openLogger(underSystemd: boolean): Promise<Logger> {
  const { pino, transport } = await import("pino");
  const options = { base: null, level: process.env.OPENCODE_SUPERVISOR_LOG_LEVEL ?? "info" };
  return underSystemd ? pino(options, transport({ target: TRANSPORT, worker: WORKER })) : pino(options);
}

/** The supervisor's events as events: state changes, blocks, adoption, trouble. */
export function logEvents(log: EventSink): SupervisorPorts["events"] & EgressEvents {
  const last = new Map<string, string>();
  const changed = (view: View): void => {
    const { state, why } = stateOf(view);
    if (last.get(view.name) === state || state === "waiting") return;
    last.set(view.name, state);
    const fields = { kind: "state", instance: view.name, state };
    const text = why === null ? `${view.name}: ${state}` : `${view.name}: ${state}: ${why}`;
    if (state === "failed" || state === "backing-off") log.warn(fields, text);
    else if (state !== "blocked") log.info(fields, text);
  };
  return {
    ...logEgress(log),
    changed,
    gone: (name) => {
      last.delete(name);
      log.info({ kind: "gone", instance: name }, `${name}: gone; its state is kept`);
    },
    blocked: (view, step, problem) => log.warn({ kind: "blocked", instance: view.name, step }, formatProblem(problem)),
    adopted: (names) => log.info({ kind: "adopted", instances: names.length }, `adopted ${names.length} instances`),
    socket: (instance, news, path, text) => {
      const fields = { kind: "socket", instance, news, path };
      if (news === "refused") log.warn(fields, `${instance}: ${text}`);
      else log.info(fields, `${instance}: ${text}`);
    },
    rotated: (instance, fields) =>
      log.info(
        { kind: "rotated", instance, files: fields.join(" ") },
        `${instance}: is restarted for what changed in ${fields.join(", ")}`,
      ),
    trouble: (what, error) => log.error({ kind: "trouble", what, error: String(error) }, `${what}: ${String(error)}`),
  };
}
