/** Benches that change rulesets run in cgroup, network and mount namespaces of their own. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { cgroupRoot } from "../testbed/host.ts";
import { waitFor } from "../testbed/wait.ts";

const INSIDE = "OPENCODE_BENCH_INSIDE";
// The cgroup is joined before the cgroup namespace is made, so it is the root that libnftables finds at /sys/fs/cgroup.
const ENTER = `echo 0 >"$1/cgroup.procs" && shift && exec unshare --net --mount --cgroup -- sh -c '
  mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && exec "$@"' - "$@"`;

/** Runs `file` (`import.meta.filename`) again in there, with the same arguments; in there, runs `bench`. */
export async function enterNamespaces(file: string, bench: () => Promise<void>): Promise<void> {
  if (process.env[INSIDE] !== undefined) return await bench();
  const cgroup = `${cgroupRoot()}/opencode-bench-${process.pid}`;
  mkdirSync(cgroup);
  const argv = ["-c", ENTER, "-", cgroup, process.execPath, file, ...process.argv.slice(2)];
  const { status } = spawnSync("sh", argv, { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } });
  process.exitCode = status ?? 1;
  // A process that was waited for still holds its cgroup for a moment.
  await waitFor("end of the bench's cgroups", () => {
    try {
      execFileSync("find", [cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}
