/** Waiting until all instances are what they will be, and saying how far they are. */
import { setTimeout as delay } from "node:timers/promises";
import { Status } from "../daemon/api/model.ts";
import { progressOf, progressText } from "../daemon/progress.ts";
import { get, understood } from "./client.ts";
import { type ProgressLine, progressLine } from "./progress.ts";

const EVERY_MS = 200;
/** When nothing has changed for so long, nothing is waited for any more. */
const PATIENCE_MS = 60_000;

type Counts = Readonly<Record<string, number>>;
export const overall = async (): Promise<Status> => understood(Status, (await get("/v1/status")).body);
const ask = async (): Promise<Counts> => (await overall()).instances;

export interface FollowOptions {
  /** Instances there are to be before it is over. */
  readonly least?: number;
  readonly everyMs?: number;
  readonly patienceMs?: number;
}

/** Resolves when nothing is on its way any more: true; or nothing changes for long: false. */
export async function followAll(
  { least = 0, everyMs = EVERY_MS, patienceMs = PATIENCE_MS }: FollowOptions = {},
  counts: () => Promise<Counts> = ask,
  line: ProgressLine = progressLine(),
): Promise<boolean> {
  let last = "";
  let deadline = performance.now() + patienceMs;
  try {
    for (;;) {
      const now = await counts();
      const progress = progressOf(now);
      line.show(progressText(progress));
      if (progress.underWay === 0 && progress.up + progress.failed + progress.stopped >= least) return true;
      const seen = JSON.stringify(now);
      if (seen !== last) deadline = performance.now() + patienceMs;
      else if (performance.now() > deadline) return false;
      last = seen;
      await delay(everyMs);
    }
  } finally {
    line.end();
  }
}

/** Shows how far all are for as long as `work` takes, to a person. */
export async function meanwhile<T>(work: Promise<T>, line: ProgressLine = progressLine()): Promise<T> {
  if (process.stderr.isTTY !== true) return work;
  let isDone = false;
  const watch = async (): Promise<void> => {
    for (; !isDone; await delay(EVERY_MS, undefined, { ref: false })) {
      const text = progressText(progressOf(await ask()));
      if (!isDone) line.show(text);
    }
  };
  watch().catch(() => undefined); // what cannot be asked now is said by the command itself
  try {
    return await work;
  } finally {
    isDone = true;
    line.end();
  }
}
