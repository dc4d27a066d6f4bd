/** Errors of the machine, said as problems of an instance. */
import { type Problem, ProblemError } from "../../spec/problem.ts";
import { isUnitExists, SystemdError } from "../systemd/port.ts";
import type { Step } from "./next-step.ts";

export const hostProblem = (instance: string, what: string, fix: string): ProblemError =>
  new ProblemError({ instance, field: "", what, fix });

/** What to do about a step that failed for a reason of the host's. */
const FIX: Readonly<Record<Step, string>> = {
  admit: "mend it; it runs on as it was, and the supervisor tries again by itself",
  stop: "see `systemctl status` of its units",
  prepare: "mend it; the supervisor tries again by itself",
  slice: "see `systemctl status opencode.slice`",
  policy: "the instance is not started without its policy; the supervisor tries again by itself",
  kill: "see `systemctl status` of its units",
  mark: "the supervisor tries again by itself",
  start: "see `systemctl status` of its units and `journalctl -u opencode-supervisor`",
  unpolicy: "the supervisor tries again by itself",
  unslice: "see `systemctl status` of its slice",
  clean: "the supervisor tries again by itself",
};

/** The problem that a failed step is reported as. */
export function blame(instance: string, step: Step, error: unknown): Problem {
  if (error instanceof ProblemError) return { ...error.problem, instance };
  if (isUnitExists(error)) {
    const fix = `rename the instance, or remove the other unit (systemctl status opencode-${instance})`;
    return { instance, field: "", what: "a unit of its name exists already and is not the supervisor's", fix };
  }
  if (error instanceof SystemdError && error.code.endsWith("BadUnitSetting")) {
    const fix =
      "mend its drop-ins, or have systemd read them (`systemctl daemon-reload`); the supervisor tries again by itself";
    return { instance, field: "", what: `systemd: ${error.message}`, fix };
  }
  const source = error instanceof SystemdError ? "systemd" : step;
  const text = error instanceof Error ? error.message : String(error);
  return { instance, field: "", what: `${source}: ${text}`, fix: FIX[step] };
}
