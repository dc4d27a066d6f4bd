/** `validate FILE`: every mistake in an instance file, with what to write instead. Touches nothing else and needs no daemon. */
import { readInstanceFile } from "../daemon/instance-file.ts";
import { type ParsedFile, parseInstanceFile } from "../spec/parse.ts";
import { formatProblem, type Problem, ProblemError } from "../spec/problem.ts";
import { EX } from "./exit.ts";
import { count } from "./output.ts";

/** Where the command writes. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

const PROCESS: Output = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/**
 * @returns 0 when the file is good, 65 when it has mistakes, 66 when it cannot be read (sysexits(3))
 */
export async function validate(path: string, isJson: boolean, output: Output = PROCESS): Promise<number> {
  let parsed: ParsedFile;
  try {
    parsed = parseInstanceFile(await readInstanceFile(path));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (isJson) output.out(json(0, [error.problem]));
    else output.err(`opencode-supervisor: ${formatProblem(error.problem)}\n`);
    return EX.NOINPUT;
  }
  output.out(isJson ? json(parsed.ok ? parsed.specs.length : 0, parsed.problems) : report(path, parsed));
  return parsed.problems.length === 0 ? EX.OK : EX.DATAERR;
}

/** `{ ok, valid: number of valid instances, problems: [{ instance, field, what, fix }] }` on one line. */
const json = (valid: number, problems: readonly Problem[]): string =>
  `${JSON.stringify({ ok: problems.length === 0, valid, problems })}\n`;

function report(path: string, parsed: ParsedFile): string {
  if (parsed.problems.length === 0)
    return `${path}: ${count(parsed.ok ? parsed.specs.length : 0, "instance")}, no mistakes\n`;
  const groups = Map.groupBy(parsed.problems, ({ instance }) => instance);
  const blocks = [...groups].map(([instance, problems]) => {
    const lines = problems.map((problem) => `  ${formatProblem({ ...problem, instance: null })}\n`);
    return `${instance ?? path}:\n${lines.join("")}`;
  });
  const good = parsed.ok ? `, ${count(parsed.specs.length, "instance")} without` : "; nothing in it can be used";
  return `${blocks.join("\n")}\n${count(parsed.problems.length, "mistake")}${good}\n`;
}
