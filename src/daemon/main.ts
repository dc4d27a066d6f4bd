/** `opencode-supervisor daemon`: puts the real ports together, runs the loop, and speaks systemd's notify protocol (sd_notify(3)). */
import { once } from "node:events";
import { notify } from "systemd-notify";
import { INSTANCE_FILE, RUNTIME_DIR } from "../spec/names.ts";
import { formatProblem, type Problem } from "../spec/problem.ts";
import { takeSockets } from "./api/sockets.ts";
import { assemble } from "./assemble.ts";
import { EventRing } from "./events/ring.ts";
import { type EventSink, heldBack, tellBoth } from "./events/sink.ts";
import { RESOLV_CONF } from "./host/resolvers.ts";
import { stateOf } from "./instance/state.ts";
import { logEvents, openLogger } from "./journal/logger.ts";
import { debounced, settled } from "./later.ts";
import { tidier } from "./memory.ts";
import { type Timings, timings } from "./metrics/histogram.ts";
import { progressOf, progressText } from "./progress.ts";
import type { Supervisor } from "./supervisor.ts";
import { plain } from "./text.ts";

const API_GROUP = "opencode";
const SUMMARY_MS = 100;
/** How long nothing is to happen before memory is given back: to look for it takes the whole process 50 ms and more. */
const TIDY_MS = 5000;
/** How often it is looked at when nothing happens: servers are asked how they are all the time. */
const TIDY_IDLE_MS = 30_000;
/** The journal has no use for thousands of lines about one file. */
const PROBLEMS_LOGGED = 50;

/** Runs until SIGTERM or SIGINT; the instances run on. With `json` its log is on standard output, wherever it is started. */
export async function daemon(json = false): Promise<void> {
  let reload: (bySignal: boolean) => void = () => undefined; // until the file is read for the first time
  process.on("SIGHUP", () => reload(true));
  const passed = takeSockets(process.env);
  const startedAt = Date.now();
  const ring = new EventRing(startedAt.toString(36));
  const times = timings();
  const journal = heldBack();
  const log = tellBoth(journal, ring);
  const events = logEvents(log);
  const tidy = settled(tidier(), TIDY_MS);
  setInterval(tidy, TIDY_IDLE_MS).unref();
  let ready = false;
  const changed: typeof events.changed = (view) => {
    events.changed(view);
    tidy();
    summarize();
  };
  const { supervisor, egress, accounts, facts, close } = await assemble(
    INSTANCE_FILE,
    { ...events, changed },
    startedAt,
    times,
  );
  const summarize = debounced(() => void notify(`STATUS=${summary(supervisor)}`), SUMMARY_MS);
  const stopWatchdog = keepWatchdog();
  const known = Promise.withResolvers<void>();
  // The target waits for us, and who asks waits in systemd's sockets: what is to run is asked for by it as soon as may be.
  const unasked = () => void (passed.size > 0 && notify("READY=1"));
  const started = times.reconcile.time(() => supervisor.start({ unasked, known: known.resolve }));
  /** There is something to say, and servers are on their way: from here on there is time for the rest. */
  const underWay = Promise.race([known.promise, started]);
  reload = reloader(supervisor, times, log, { underWay, started }, tidy);
  const logging = async (): Promise<void> => {
    await underWay;
    journal.tell(await openLogger(!json && process.env.INVOCATION_ID !== undefined));
  };
  const watch = async () => {
    await underWay;
    const { watchFile } = await import("./host/watch.ts"); // it looks at once whether anything changed meanwhile
    return [INSTANCE_FILE, RESOLV_CONF].map((path) => watchFile(path, () => reload(false)));
  };
  const open = async () => {
    // Who asked while there was no daemon waits in systemd's sockets; without such sockets there is nowhere to wait.
    await underWay;
    const { onDemand, openFronts } = await import("./api/listen.ts");
    const gid = passed.has("status") ? 0 : ((await accounts.group(API_GROUP))?.id ?? 0);
    const places = {
      status: passed.get("status") ?? { path: `${RUNTIME_DIR}/status.sock`, gid, mode: 0o660 },
      control: passed.get("control") ?? { path: `${RUNTIME_DIR}/control.sock`, gid: 0, mode: 0o600 },
    };
    return onDemand(await openFronts(places, log), async (fronts) =>
      (await import("./api/serve.ts")).serve({
        ...{ facts, supervisor, egress, ring, fronts },
        ...{ timings: times, tell: log, ready: () => ready },
      }),
    );
  };
  void logging();
  const [watching, api] = [watch(), open()];
  await Promise.all([started, passed.size === 0 ? api : Promise.race([api, started])]);
  ready = true;
  report(log, supervisor.file.problems);
  notify(`READY=1\nSTATUS=${summary(supervisor)}`);

  const told = Promise.race(["SIGTERM", "SIGINT"].map((signal) => once(process, signal)));
  await Promise.race([told, api.then(({ failed }) => failed)]);
  notify("STOPPING=1");
  stopWatchdog();
  await Promise.all((await watching).map((watcher) => watcher.close()));
  await (await api).end();
  await close();
}

/**
 * One file after the other is taken in, the first when what there is has been; it is not waited for what an earlier one has
 * stopped, as that may take its time. A reload by signal is told to systemd (Type=notify-reload), and ends when all is settled.
 */
function reloader(
  supervisor: Supervisor,
  times: Timings,
  log: EventSink,
  { underWay, started }: { underWay: Promise<void>; started: Promise<void> },
  done: () => void,
): (bySignal: boolean) => void {
  let queue = underWay;
  const once = async (bySignal: boolean, next: () => void): Promise<void> => {
    if (bySignal) notify(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    const before = supervisor.file;
    const known = () => {
      // What instances are blocked by is told when it happens.
      if (bySignal || supervisor.file !== before) report(log, supervisor.file.problems);
      next();
    };
    try {
      await times.reconcile.time(() => supervisor.reload({ asked: bySignal, known }));
    } catch (error) {
      log.error({ kind: "trouble" }, `reload: ${String(error)}`);
      next();
    }
    if (bySignal) await started; // before that it is not for a reload to say that all is ready
    notify(`${bySignal ? "READY=1\n" : ""}STATUS=${summary(supervisor)}`);
    done();
  };
  return (bySignal) => {
    queue = queue.then(() => new Promise((next) => void once(bySignal, next)));
  };
}

function report(log: EventSink, problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, PROBLEMS_LOGGED)) {
    log.warn({ kind: "file", instance: problem.instance, field: problem.field }, formatProblem(problem));
  }
}

/** One line for `systemctl status`: `2 ready, 1 blocked; 1 problem: …`, and while they start `37 of 100 instances up, 2 failed`. */
function summary(supervisor: Supervisor): string {
  const states = Object.entries(Object.groupBy(supervisor.views, (view) => stateOf(view).state));
  const counts = states.map(([state, views]) => [state, views?.length ?? 0] as const);
  const progress = progressOf(Object.fromEntries(counts));
  const all = counts.map(([state, count]) => `${count} ${state}`).join(", ") || "no instances";
  const counted = progress.underWay === 0 ? all : progressText(progress);
  const [first, ...more] = supervisor.problems();
  if (first === undefined) return counted;
  return plain(`${counted}; ${more.length + 1} problem${more.length === 0 ? "" : "s"}: ${formatProblem(first)}`, 500);
}

/** Send WATCHDOG=1 at half the interval that systemd asks for. */
function keepWatchdog(): () => void {
  const microseconds = Number(process.env.WATCHDOG_USEC ?? "0");
  if (!(microseconds > 0)) return () => undefined;
  const timer = setInterval(() => notify("WATCHDOG=1"), microseconds / 2000);
  return () => clearInterval(timer);
}
