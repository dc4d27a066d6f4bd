/** Runs test files by node:test, each in a process of its own, and tells what became of them. */
import { relative } from "node:path";
import { finished } from "node:stream/promises";
import { type EventData, run } from "node:test";
import { inspect } from "node:util";

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export const NOTHING: Outcome = { passed: 0, failed: 0, skipped: 0 };
export const ONE_PASSED: Outcome = { ...NOTHING, passed: 1 };
export const ONE_FAILED: Outcome = { ...NOTHING, failed: 1 };
export const ONE_SKIPPED: Outcome = { ...NOTHING, skipped: 1 };
export const add = (a: Outcome, b: Outcome): Outcome => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

export interface FilesOptions {
  /** How many files run side by side. */
  readonly atOnce: number;
  /** Milliseconds until a file is killed. */
  readonly timeoutMs: number;
  readonly print?: (text: string) => void;
}

/** Runs every file and prints a line for each as it ends, with what failed in it below. */
export async function runFiles(files: readonly string[], options: FilesOptions): Promise<Outcome> {
  const queue = [...files];
  let total = NOTHING;
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const outcome = await runFile(file, options);
      total = add(total, outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.atOnce, files.length) }, worker));
  return total;
}

/** Says loudly that the files do not run, and why. */
export function skippedFiles(files: readonly string[], why: string, print = console.log): Outcome {
  for (const file of files) print(`SKIP ${relative(process.cwd(), file)}: ${why}`);
  return { ...NOTHING, skipped: files.length };
}

async function runFile(file: string, { timeoutMs, print = console.log }: FilesOptions): Promise<Outcome> {
  const started = performance.now();
  const failures: string[] = [];
  const output: string[] = [];
  const reasons = new Set<string>();
  let outcome = NOTHING;
  const fail = (name: string, why: string): void => {
    failures.push(`✗ ${name}\n${indent(why)}`);
    outcome = add(outcome, ONE_FAILED);
  };
  const skip = (data: Ended): boolean => {
    const skips = data.skip !== undefined || data.todo !== undefined;
    if (skips) outcome = add(outcome, ONE_SKIPPED);
    if (typeof data.skip === "string") reasons.add(data.skip);
    return skips;
  };
  const stream = run({ files: [file], isolation: "process", signal: AbortSignal.timeout(timeoutMs) });
  stream.on("test:stdout", ({ message }) => output.push(message));
  stream.on("test:stderr", ({ message }) => output.push(message));
  stream.on("test:diagnostic", ({ level, message }) => {
    if (level !== "info" || /^Error:/.test(message)) output.push(`${message}\n`); // as for an error that no test was there to catch
  });
  stream.on("test:pass", (data) => {
    if (data.name === file) fail("the file", "it runs no test; write one or delete it");
    else if (!skip(data) && data.details.type !== "suite") outcome = add(outcome, ONE_PASSED);
  });
  stream.on("test:fail", (data) => {
    const { error, type } = data.details;
    if (data.name === file) fail("the file", causeOfDeath(error, timeoutMs));
    else if (!skip(data) && !isForwarded(error))
      fail(`${data.name} (line ${data.line ?? "?"}${type === "suite" ? ", suite" : ""})`, describe(error));
  });
  await finished(stream.resume());
  if (outcome === NOTHING) fail("the file", "node:test told nothing about it");
  const took = Math.round(performance.now() - started);
  print(`${outcome.failed > 0 ? "FAIL" : "ok  "} ${relative(process.cwd(), file)}: ${summary(outcome)} (${took} ms)`);
  for (const reason of reasons) print(`  SKIP ${reason}`);
  if (failures.length > 0) print(indent([...failures, ...printed(output)].join("\n")));
  return outcome;
}

type Ended = EventData.TestPass | EventData.TestFail;

/** `3 passed, 0 failed, 1 skipped` */
export const summary = ({ passed, failed, skipped }: Outcome): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

const failureType = (error: Error): unknown => ("failureType" in error ? error.failureType : undefined);
/** The failure of a test or suite that only says that one below it failed. */
const isForwarded = (error: Error): boolean => failureType(error) === "subtestsFailed";

function causeOfDeath(error: Error, timeoutMs: number): string {
  if (failureType(error) === "testAborted") return `still running after ${timeoutMs / 1000} s; killed`;
  const { exitCode, signal } = { exitCode: null, signal: null, ...error };
  return `its process ended with ${signal === null ? `exit status ${exitCode}` : `signal ${signal}`}, beyond what its tests say`;
}

/** node:test wraps what a test threw; the wrapper says nothing of its own. */
function describe(error: Error): string {
  const thrown: unknown = error.cause ?? error;
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : inspect(thrown);
  return text.replaceAll(/\n +at .*\bnode:.*/g, "");
}

/** What a file printed: the end of it. */
function printed(output: readonly string[]): string[] {
  const lines = output.join("").trimEnd().split("\n");
  return output.length === 0 ? [] : [`it printed:\n${indent(lines.slice(-MOST_LINES).join("\n"))}`];
}

const MOST_LINES = 60;
const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, "  ");
