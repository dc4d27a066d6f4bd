/** One mistake or refusal, said so that a person can act on it. */
export interface Problem {
  /** The instance it is about; null when it is about the file or the host. */
  readonly instance: string | null;
  /** The field, dotted as in the file (`listen.port`); empty when it is about the whole. */
  readonly field: string;
  /** What is wrong. */
  readonly what: string;
  /** What to write or do instead. */
  readonly fix: string;
}

/** `project-a: listen.port: must be 65535 at most; write a port from 1 to 65535` */
export function formatProblem(problem: Problem): string {
  const where = [problem.instance, problem.field].filter((part) => part !== null && part !== "").join(": ");
  return `${where === "" ? "" : `${where}: `}${problem.what}; ${problem.fix}`;
}

/** A problem as an exception, for the places where work stops at it. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem, options?: ErrorOptions) {
    super(formatProblem(problem), options);
    this.name = "ProblemError";
    this.problem = problem;
  }
}
