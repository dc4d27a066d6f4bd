/** `opencode-supervisor daemon`: puts the real ports together, runs the loop, and speaks systemd's notify protocol (sd_notify(3)). */
import { watch } from "chokidar";
import type { Logger } from "pino";
import { notify } from "systemd-notify";
import { INSTANCE_FILE, RUNTIME_DIR } from "../spec/names.ts";
import { formatProblem, type Problem } from "../spec/problem.ts";
import { buildApi, listenOn } from "./api/server.ts";
import { assemble } from "./assemble.ts";
import { logEvents, openLogger } from "./journal/logger.ts";
import type { Supervisor } from "./supervisor.ts";

export const STATUS_SOCKET = `${RUNTIME_DIR}/status.sock`;
const API_GROUP = "opencode";
const DEBOUNCE_MS = 100;
/** The journal has no use for thousands of lines about one file. */
const PROBLEMS_LOGGED = 50;

/** Runs until SIGTERM or SIGINT; the instances run on. */
export async function daemon(): Promise<void> {
  const log = openLogger(process.env.INVOCATION_ID !== undefined);
  const startedAt = Date.now();
  const { supervisor, accounts, facts, close } = await assemble(INSTANCE_FILE, logEvents(log), startedAt);
  let ready = false;
  const api = buildApi({ facts, ready: () => ready, snapshot: () => supervisor });
  await listenOn(api, STATUS_SOCKET, (await accounts.group(API_GROUP))?.id ?? 0);

  const stopWatchdog = keepWatchdog();
  await supervisor.start();
  ready = true;
  report(log, supervisor.problems());
  notify(`READY=1\nSTATUS=${summary(supervisor)}`);

  const reload = reloader(supervisor, log);
  const watcher = watch(INSTANCE_FILE, { ignoreInitial: true, atomic: true });
  let timer: NodeJS.Timeout | undefined;
  watcher.on("all", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(false), DEBOUNCE_MS);
  });
  process.on("SIGHUP", () => void reload(true));

  await new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  notify("STOPPING=1");
  stopWatchdog();
  clearTimeout(timer);
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

/** One line for `systemctl status`. */
function summary(supervisor: Supervisor): string {
  const problems = supervisor.problems();
  const first = problems[0];
  const counted = `${supervisor.views.length} instances`;
  return first === undefined ? counted : `${counted}, ${problems.length} problems: ${formatProblem(first)}`;
}

/** Send WATCHDOG=1 at half the interval that systemd asks for. */
function keepWatchdog(): () => void {
  const microseconds = Number(process.env.WATCHDOG_USEC ?? "0");
  if (!(microseconds > 0)) return () => undefined;
  const timer = setInterval(() => notify("WATCHDOG=1"), microseconds / 2000);
  return () => clearInterval(timer);
}
