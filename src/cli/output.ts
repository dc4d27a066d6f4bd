/** Where commands write, and what they say when they cannot. */
import { formatProblem, type Problem, ProblemError } from "../spec/problem.ts";
import { EX } from "./exit.ts";

export const write = (text: string): void => void process.stdout.write(text);
export const writeLines = (lines: readonly string[]): void => write(lines.map((line) => `${line}\n`).join(""));
export const writeJson = (value: unknown): void => write(`${JSON.stringify(value, null, 2)}\n`);
export const complain = (text: string): void => void process.stderr.write(`opencode-supervisor: ${text}\n`);

/** `1 mistake`, `2 mistakes`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** Says it, and answers with the exit status. */
export function failed(status: number, text: string): number {
  complain(text);
  return status;
}

export const unknownInstance = (name: string): number =>
  failed(EX.NOINPUT, `no instance ${JSON.stringify(name)}; see \`opencode-supervisor instances\``);

export const tellProblems = (problems: readonly Problem[]): void => {
  for (const problem of problems) complain(formatProblem(problem));
};

/** A file that is there, and of which nothing can be used. */
export class FileMistake extends ProblemError {
  override name = "FileMistake";
}

/** What `work` answers with; a file that cannot be read is said, and is {@link EX.NOINPUT}, a useless one {@link EX.DATAERR}. */
export async function orProblem(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return failed(error instanceof FileMistake ? EX.DATAERR : EX.NOINPUT, formatProblem(error.problem));
  }
}
