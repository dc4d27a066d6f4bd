/** What the testbed needs to know about the machine it runs on, and where it keeps things there. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The working tree; mounted read-only at {@link INSTALLED} in every machine. */
export const TREE = resolve(import.meta.dirname, "..");
export const INSTALLED = "/usr/lib/opencode-supervisor";
/** One directory per living machine; see guard.sh. */
export const RECORDS = "/run/opencode-testbed";

/** `x64` or `arm64`: what Node and opencode call this processor. */
export const ARCH = process.arch;
/** Node 24's directory in {@link TREE}. */
export const NODE_DIR = `node_modules/node-linux-${ARCH}`;

/** Where images are kept: outside the repository, so that every clone shares them. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(
    env.OPENCODE_TESTBED_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "opencode-supervisor"),
  );
}

/** Mount point of the cgroup2 hierarchy in a `/proc/self/mounts`; the unified one where a host is hybrid. */
export function cgroupRoot(mounts: string = readFileSync("/proc/self/mounts", "utf8")): string {
  const mount = mounts.split("\n").find((line) => line.split(" ")[2] === "cgroup2");
  const path = mount?.split(" ")[1];
  if (path === undefined) throw new Error("no cgroup2 hierarchy is mounted; mount one at /sys/fs/cgroup");
  return path;
}

/** The native binary of opencode in {@link TREE}, relative to it: the baseline build where the processor lacks AVX2. */
export function opencodeBinary(cpuinfo: string = readFileSync("/proc/cpuinfo", "utf8")): string {
  const baseline = ARCH === "x64" && !/\bavx2\b/.test(cpuinfo) ? "-baseline" : "";
  return `node_modules/opencode-linux-${ARCH}${baseline}/bin/opencode`;
}

const PROGRAMS = ["bash", "flock", "ip", "nsenter", "setpriv", "unshare"];
/** Whether a program can be found here. */
export const onPath = (program: string): boolean =>
  (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, program)));

/** Why no machine can be started here, in one line; null when one can. */
export function obstacle(): string | null {
  if (process.platform !== "linux") return `machines need Linux; this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "machines need root (namespaces, mounts and cgroups); run as root";
  const missing = PROGRAMS.filter((program) => !onPath(program));
  if (missing.length > 0) return `machines need ${missing.join(", ")} on PATH (Debian: util-linux, iproute2)`;
  try {
    accessSync(cgroupRoot(), constants.W_OK);
  } catch (error) {
    return `machines need a writable cgroup2 hierarchy: ${error instanceof Error ? error.message : String(error)}`;
  }
  return null;
}
