/** `teardown`: leave no unit, slice, table or root behind, whether the daemon runs or not. State directories and passwords stay. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { assemble } from "../daemon/assemble.ts";
import type { EgressEvents } from "../daemon/egress/egress.ts";
import type { SupervisorPorts } from "../daemon/supervisor.ts";
import {
  INSTANCE_FILE,
  RUNTIME_DIR,
  STATE_DIR,
  STATE_ROOT,
  SUPERVISOR_SOCKETS,
  SUPERVISOR_UNIT,
  TARGET,
} from "../spec/names.ts";
import { formatProblem, type Problem } from "../spec/problem.ts";
import type { Removal } from "./answers.ts";
import { EX } from "./exit.ts";
import { failed, write, writeJson } from "./output.ts";
import { systemctl } from "./systemctl.ts";

export async function teardown(json: boolean): Promise<number> {
  if (process.getuid?.() !== 0) return failed(EX.NOPERM, "teardown needs root");
  await systemctl("stop", ...SUPERVISOR_SOCKETS, SUPERVISOR_UNIT);
  await systemctl("stop", TARGET);
  await mkdir(RUNTIME_DIR, { recursive: true, mode: 0o755 }); // what is taken away is written down there
  const heard = hearing();
  const { supervisor, close } = await assemble(INSTANCE_FILE, heard.events, Date.now());
  try {
    // The target is stopped, so nothing is wanted: what is there is taken away step by step.
    await supervisor.start();
    await supervisor.emptied();
  } finally {
    await close();
  }
  const left = supervisor.views.map((view) => view.name);
  if (left.length === 0) await rm(RUNTIME_DIR, { recursive: true, force: true });
  const { removed, problems, troubles } = heard;
  if (json) writeJson({ ok: left.length === 0, removed, left, problems, troubles, kept: KEPT } satisfies Removal);
  else if (left.length === 0) write(`nothing of the instances is left but ${KEPT_TEXT}\n`);
  return left.length === 0 ? EX.OK : failed(EX.FAILURE, `not everything could be taken away: ${left.join(", ")}`);
}
const KEPT = [dirname(STATE_ROOT), STATE_DIR];
const KEPT_TEXT = `their state in ${KEPT[0]} and the passwords in ${KEPT[1]}`;

/** What happens meanwhile: what goes wrong is said at once, and all is kept. */
function hearing() {
  const removed: string[] = [];
  const problems: Problem[] = [];
  const troubles: string[] = [];
  const events: SupervisorPorts["events"] & EgressEvents = {
    ...{ refused: () => undefined, repaired: () => undefined, unobserved: () => undefined },
    ...{ socket: () => undefined, rotated: () => undefined, changed: () => undefined, adopted: () => undefined },
    gone: (name) => void removed.push(name),
    blocked: (_view, _step, problem) => {
      problems.push(problem);
      process.stderr.write(`${formatProblem(problem)}\n`);
    },
    trouble: (what, error) => {
      troubles.push(`${what}: ${String(error)}`);
      process.stderr.write(`${what}: ${String(error)}\n`);
    },
  };
  return { removed, problems, troubles, events };
}
