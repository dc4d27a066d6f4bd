/** cgroupfs, where instances are found by the kernel's own names. */
import { statSync } from "node:fs";

/** Where it is mounted; nothing can move it. */
export const CGROUPS = "/sys/fs/cgroup";

/** A cgroup's id is the inode number of its directory (cgroups(7)); null when it is not there. `path`: below the root. */
export const cgroupId = (path: string): bigint | null =>
  statSync(`${CGROUPS}/${path}`, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
