/** What {@link VirtualMachine} and the process in there (vm-agent.ts) say to each other: one JSON text a line. */
import type { RunOptions, RunResult } from "./run.ts";

export interface Request extends Omit<RunOptions, "input"> {
  readonly id: number;
  readonly argv: readonly string[];
  /** What errors call it. */
  readonly label: string;
  /** Its stdin, base64. */
  readonly input: string;
}

/** The program's result, or why it has none: what run() rejected with, in there. */
export type Answer = { readonly id: number } & ({ readonly result: RunResult } | { readonly error: string });

const isObject = (message: unknown): message is object => typeof message === "object" && message !== null;

export const isRequest = (message: unknown): message is Request =>
  isObject(message) && "argv" in message && "label" in message && "input" in message;
export const isAnswer = (message: unknown): message is Answer =>
  isObject(message) && "id" in message && ("result" in message || "error" in message);
