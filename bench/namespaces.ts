/** Benches that change rulesets run in cgroup, network and mount namespaces of their own, as a program of their own. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { cgroupRoot } from "../testbed/host.ts";
import { run } from "../testbed/run.ts";
import { waitFor } from "../testbed/wait.ts";

const INSIDE = "OPENCODE_BENCH_INSIDE";
/** Whether this process is the one in there. */
export const isInside = process.env[INSIDE] !== undefined;

// The cgroup is joined before the cgroup namespace is made, so it is the root that libnftables finds at /sys/fs/cgroup.
const ENTER = `echo 0 >"$1/cgroup.procs" && shift && exec unshare --net --mount --cgroup -- sh -c '
  mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && exec "$@"' - "$@"`;

/** Runs a file in there; what it printed. */
export async function runInside(file: string): Promise<string> {
  const cgroup = `${cgroupRoot()}/opencode-bench-${process.pid}`;
  mkdirSync(cgroup);
  try {
    const argv = ["sh", "-c", ENTER, "-", cgroup, process.execPath, file];
    return (await run(argv, { env: { ...process.env, [INSIDE]: "1" }, timeoutMs: 30 * 60_000 })).stdout.trimEnd();
  } finally {
    // A process that was waited for still holds its cgroup for a moment.
    await waitFor("end of the bench's cgroups", () => {
      execFileSync("find", [cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], { stdio: "ignore" });
      return true;
    });
  }
}
