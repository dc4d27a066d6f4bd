/** `opencode-supervisor daemon`: puts the real ports together, runs the loop, and speaks systemd's notify protocol (sd_notify(3)). */
import { watch } from "chokidar";
import type { Logger } from "pino";
import { notify } from "systemd-notify";
import { INSTANCE_FILE, RUNTIME_DIR } from "../spec/names.ts";
import { formatProblem, type Problem } from "../spec/problem.ts";
import { buildApi, listenOn } from "./api/server.ts";
import { assemble } from "./assemble.ts";
import { stateOf } from "./instance/state.ts";
import { logEvents, openLogger } from "./journal/logger.ts";
import type { Supervisor } from "./supervisor.ts";
import { plain } from "./text.ts";

export const STATUS_SOCKET = `${RUNTIME_DIR}/status.sock`;
const API_GROUP = "opencode";
const DEBOUNCE_MS = 100;
/** The journal has no use for thousands of lines about one file. */
const PROBLEMS_LOGGED = 50;

/** Runs until SIGTERM or SIGINT; the instances run on. */
export async function daemon(): Promise<void> {
  const log = openLogger(process.env.INVOCATION_ID !== undefined);
  const startedAt = Date.now();
  const events = logEvents(log);
  let ready = false;
  const changed: typeof events.changed = (view) => {
    events.changed(view);
    if (ready) summarize();
  };
  const { supervisor, accounts, facts, close } = await assemble(INSTANCE_FILE, { ...events, changed }, startedAt);
  const summarize = debounced(() => void notify(`STATUS=${summary(supervisor)}`));
  const api = buildApi({ facts, ready: () => ready, snapshot: () => supervisor });
  await listenOn(api, STATUS_SOCKET, (await accounts.group(API_GROUP))?.id ?? 0);

  const stopWatchdog = keepWatchdog();
  await supervisor.start();
  ready = true;
  report(log, supervisor.problems());
  notify(`READY=1\nSTATUS=${summary(supervisor)}`);

  const reload = reloader(supervisor, log);
  const watcher = watch(INSTANCE_FILE, { ignoreInitial: true, atomic: true });
  watcher.on(
    "all",
    debounced(() => void reload(false)),
  );
  process.on("SIGHUP", () => void reload(true));

  await new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  notify("STOPPING=1");
  stopWatchdog();
  await watcher.close();
  await api.close();
  await close();
}

/** One reload at a time; those asked for meanwhile become one more. A reload by signal is told to systemd (Type=notify-reload). */
function reloader(supervisor: Supervisor, log: Logger): (bySignal: boolean) => Promise<void> {
  let queue: Promise<void> = Promise.resolve();
  const once = async (bySignal: boolean): Promise<void> => {
    if (bySignal) notify(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    const problems = await supervisor.reload();
    report(log, problems);
    notify(`${bySignal ? "READY=1\n" : ""}STATUS=${summary(supervisor)}`);
  };
  return (bySignal) => {
    queue = queue.then(() => once(bySignal)).catch((error: unknown) => log.error({ kind: "trouble" }, String(error)));
    return queue;
  };
}

function report(log: Logger, problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, PROBLEMS_LOGGED)) {
    log.warn({ kind: "file", instance: problem.instance, field: problem.field }, formatProblem(problem));
  }
}

/** One line for `systemctl status`: `2 ready, 1 blocked; 1 problem: …`. */
function summary(supervisor: Supervisor): string {
  const states = Object.entries(Object.groupBy(supervisor.views, (view) => stateOf(view).state));
  const counted = states.map(([state, views]) => `${views?.length} ${state}`).join(", ") || "no instances";
  const [first, ...more] = supervisor.problems();
  if (first === undefined) return counted;
  return plain(`${counted}; ${more.length + 1} problem${more.length === 0 ? "" : "s"}: ${formatProblem(first)}`, 500);
}

/** Runs `work` some time after the first of many calls. */
function debounced(work: () => void): () => void {
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    setTimeout(() => {
      pending = false;
      work();
    }, DEBOUNCE_MS);
  };
}

/** Send WATCHDOG=1 at half the interval that systemd asks for. */
function keepWatchdog(): () => void {
  const microseconds = Number(process.env.WATCHDOG_USEC ?? "0");
  if (!(microseconds > 0)) return () => undefined;
  const timer = setInterval(() => notify("WATCHDOG=1"), microseconds / 2000);
  return () => clearInterval(timer);
}
