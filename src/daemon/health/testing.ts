/** For the tests of this folder. */
import { readFileSync } from "node:fs";

/** This process's cgroup below /sys/fs/cgroup, where the unified hierarchy is mounted at `unified` or at the top. */
export function ownCgroup(): string {
  const line = readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .find((each) => each.startsWith("0::"));
  const path = line?.slice("0::".length) ?? "/";
  const hybrid = readFileSync("/proc/self/mounts", "utf8").includes(" /sys/fs/cgroup/unified ");
  return (hybrid ? "/unified" : "") + (path === "/" ? "" : path);
}
