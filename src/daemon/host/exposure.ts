/**
 * How open the sandbox of a running instance is: what `systemd-analyze security` (systemd-analyze(1)) says of the unit in
 * force, drop-ins of others included. Asked when somebody asks for that one instance, and kept for that run of its server.
 */
import { execFile } from "node:child_process";
import { slots } from "../slots.ts";

/** systemd-analyze run at once, and how many may wait for their turn. */
const AT_ONCE = 2;
const WAITING_MOST = 32;
const TIMEOUT_MS = 2000;
/** How long an answer waits for it; what comes later is there for the next one. */
const PATIENCE_MS = 3000;
const KEPT_MOST = 64;

/** What runs: its unit, and what tells this run of it from others. */
export interface Running {
  readonly unit: string;
  readonly pid: number | null;
  readonly specHash: string | null;
  readonly since: string | null;
}
/** 0 is tightest and 10 everything open; null for what does not run, and when systemd does not say it in time. */
export type ExposureReader = (running: Running) => Promise<number | null>;

export function exposureReader(analyze = askSystemd, patienceMs = PATIENCE_MS): ExposureReader {
  const known = new Map<string, Promise<number | null>>();
  const { acquire, release } = slots(AT_ONCE);
  let asking = 0;
  const ask = async (unit: string): Promise<number | null> => {
    asking++;
    await acquire();
    try {
      return exposureIn(await analyze(unit));
    } catch {
      return null;
    } finally {
      release();
      asking--;
    }
  };
  return async ({ unit, pid, specHash, since }) => {
    if (pid === null) return null;
    const run = `${unit} ${specHash} ${since}`;
    const found = known.get(run);
    if (found !== undefined) return within(patienceMs, found);
    if (asking >= AT_ONCE + WAITING_MOST) return null;
    const [oldest] = known.keys();
    if (known.size >= KEPT_MOST && oldest !== undefined) known.delete(oldest);
    const asked = ask(unit).then((exposure) => {
      if (exposure === null) known.delete(run); // the next one asks again
      return exposure;
    });
    known.set(run, asked);
    return within(patienceMs, asked);
  };
}

/** `→ Overall exposure level for opencode-a.service: 1.1 OK`; null when it is not said. Pure. */
export function exposureIn(stdout: string): number | null {
  const said = /exposure level for \S+: (\d{1,2}\.\d)\b/.exec(stdout)?.[1];
  return said === undefined ? null : Number(said);
}

const askSystemd = (unit: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: "C.UTF-8", SYSTEMD_COLORS: "0" };
    execFile("systemd-analyze", ["security", "--no-pager", unit], { timeout: TIMEOUT_MS, env }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });

async function within(milliseconds: number, answer: Promise<number | null>): Promise<number | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(late.resolve, milliseconds, null);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
