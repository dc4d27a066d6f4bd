/** `teardown`: leave no unit, slice, table or root behind, whether the daemon runs or not. State directories and passwords stay. */
import { mkdir, rm } from "node:fs/promises";
import { assemble } from "../daemon/assemble.ts";
import type { EgressEvents } from "../daemon/egress/egress.ts";
import type { SupervisorPorts } from "../daemon/supervisor.ts";
import { INSTANCE_FILE, RUNTIME_DIR, SUPERVISOR_SOCKETS, SUPERVISOR_UNIT, TARGET } from "../spec/names.ts";
import { formatProblem } from "../spec/problem.ts";
import { EX } from "./exit.ts";
import { systemctl } from "./systemctl.ts";

export async function teardown(): Promise<number> {
  if (process.getuid?.() !== 0) {
    process.stderr.write("opencode-supervisor: teardown needs root\n");
    return EX.NOPERM;
  }
  await systemctl("stop", ...SUPERVISOR_SOCKETS, SUPERVISOR_UNIT);
  await systemctl("stop", TARGET);
  await mkdir(RUNTIME_DIR, { recursive: true, mode: 0o755 }); // what is taken away is written down there
  const { supervisor, close } = await assemble(INSTANCE_FILE, toStderr, Date.now());
  try {
    // The target is stopped, so nothing is wanted: what is there is taken away step by step.
    await supervisor.start();
    await supervisor.emptied();
  } finally {
    await close();
  }
  const left = supervisor.views.map((view) => view.name);
  if (left.length > 0) {
    process.stderr.write(`opencode-supervisor: not everything could be taken away: ${left.join(", ")}\n`);
    return EX.FAILURE;
  }
  await rm(RUNTIME_DIR, { recursive: true, force: true });
  process.stdout.write(
    "nothing of the instances is left but their state in /var/lib/opencode and the passwords in /var/lib/opencode-supervisor\n",
  );
  return EX.OK;
}

const toStderr: SupervisorPorts["events"] & EgressEvents = {
  refused: () => undefined,
  repaired: () => undefined,
  unobserved: () => undefined,
  socket: () => undefined,
  rotated: () => undefined,
  changed: () => undefined,
  gone: () => undefined,
  adopted: () => undefined,
  blocked: (_view, _step, problem) => void process.stderr.write(`${formatProblem(problem)}\n`),
  trouble: (what, error) => void process.stderr.write(`${what}: ${String(error)}\n`),
};
