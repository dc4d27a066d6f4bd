/** Runs one program to its end and hands back what it said. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { text } from "node:stream/consumers";

export interface RunResult {
  /** Exit status; 128 + the signal's number when a signal ended it, as in a shell. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until the program's whole process group is killed and the run rejects; default {@link RUN_MS}. */
  readonly timeoutMs?: number;
  /** Whether an exit status other than 0 rejects; default true. */
  readonly check?: boolean;
}

export const RUN_MS = 60_000;
const SIGNAL_BASE = 128;

/**
 * Runs `argv` (no shell). Rejects when it cannot start, outlasts `timeoutMs`, or (unless `check` is false) fails; the error
 * shows the command and the end of what it printed. `label` stands for the command in errors.
 */
export async function run(
  argv: readonly string[],
  options: RunOptions = {},
  label = argv.join(" "),
): Promise<RunResult> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { detached: true, stdio: "pipe", env: options.env ?? process.env });
  const timeoutMs = options.timeoutMs ?? RUN_MS;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => reject(new Error(`${label}: cannot be started: ${cause.message}`, { cause })));
    child.once("close", (code, signal) =>
      resolve(code ?? SIGNAL_BASE + (signal === null ? 0 : constants.signals[signal])),
    );
  });
  child.stdin.on("error", () => {}); // a program may end without reading its input
  child.stdin.end(options.input ?? "");
  try {
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    const said = tail([stdout, stderr].filter((part) => part !== "").join("\n"));
    if (timedOut) throw new Error(`${label}: still running after ${timeoutMs} ms\n${said}`);
    if (code !== 0 && options.check !== false) throw new Error(`${label}: exit status ${code}\n${said}`);
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** The last 4000 characters: enough to see why, not enough to drown in. */
export const tail = (output: string): string => (output.length > 4000 ? `…${output.slice(-4000)}` : output);
