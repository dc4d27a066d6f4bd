/** For tests that change a ruleset: the test file runs again in network, mount and cgroup namespaces of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { cgroupRoot } from "../../testbed/host.ts";
import { waitFor } from "../../testbed/wait.ts";

const INSIDE = "NFTABLES_NAPI_TEST_INSIDE";
/** The environment in which a test file takes the namespaces it is in for its own: set it where somebody else made them. */
export const INSIDE_ENVIRONMENT = { [INSIDE]: "1" };

/** Why it cannot be done here; false when it can. */
const obstacle = (): string | false =>
  process.platform === "linux" && process.getuid?.() === 0
    ? false
    : "needs root on Linux: network, mount and cgroup namespaces";

// The cgroup is joined before the cgroup namespace is made, so it is the root that libnftables finds at /sys/fs/cgroup.
const ENTER = `echo 0 >"$1/cgroup.procs" && shift
exec unshare --net --mount --cgroup -- sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && exec "$@"' - "$@"`;

/** Declares a file's tests (`import.meta.url`) to run in there; one test, skipped with the reason where that is impossible. */
export function inNamespaces(url: string, declare: () => void): void {
  if (process.env[INSIDE] !== undefined) {
    declare();
    return;
  }
  const file = fileURLToPath(url);
  test(`${basename(file)}, in namespaces of its own`, { skip: obstacle() }, async () => {
    const cgroup = `${cgroupRoot()}/nftables-napi-test-${process.pid}`;
    mkdirSync(cgroup);
    try {
      const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
      const { status, stdout, stderr } = spawnSync("sh", ["-c", ENTER, "-", cgroup, process.execPath, file], {
        encoding: "utf8",
        env: { ...environment, ...INSIDE_ENVIRONMENT },
      });
      assert.equal(status, 0, `${stdout}${stderr}`);
      assert.match(stdout, /^(# |ℹ )pass [1-9]/m, "no test ran");
    } finally {
      // A process that was waited for still holds its cgroup for a moment.
      const removal = ["find", cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"];
      await waitFor(
        `end of ${cgroup}`,
        () => spawnSync("sh", ["-c", '"$@" 2>/dev/null', "-", ...removal]).status === 0,
      );
    }
  });
}
