/** What this host has: probed once, at start. What is missing is said as a weaker state, never dropped in silence. */
import { execFile } from "node:child_process";
import { existsSync, readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Features } from "../../netpolicy/table.ts";
import { type Host, OLDEST_SYSTEMD, runtimeOf } from "../../sandbox/host.ts";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";
import type { Problem } from "../../spec/problem.ts";

const run = promisify(execFile);
/** First Landlock ABI with scopes for abstract sockets and signals (Linux 6.12, landlock(7)). */
const SCOPES_ABI = 6;
const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const INIT = beside("../../../packages/sandbox-init/build/opencode-init");
const SETUP = beside(import.meta.url.endsWith(".ts") ? "../../setup/main.ts" : "../../setup/main.js");

/** Probe the host, but for its systemd. Throws when the instance's init cannot be run: nothing could be started then. */
export async function probeHost(): Promise<Omit<Host, "systemdVersion">> {
  const { stdout } = await run(INIT, ["--probe"]);
  return {
    landlockScopes: Number.parseInt(stdout, 10) >= SCOPES_ABI,
    programs: { init: INIT, node: process.execPath, setup: SETUP, shell: "/bin/sh" },
    ...runtimeOf(existsSync("/etc/NIXOS") ? "nixos" : "fhs", linkAt),
  };
}

/**
 * Why nothing can be started on this host, whatever the file says; null when it can. The supervisor runs there all the same,
 * so that it can be asked.
 */
export function unfit(systemdVersion: number): Problem | null {
  if (systemdVersion >= OLDEST_SYSTEMD) return null;
  const what = `systemd ${systemdVersion} is too old: it would refuse the units of every instance`;
  const fix = `run systemd ${OLDEST_SYSTEMD} or later, then: systemctl restart ${SUPERVISOR_UNIT}`;
  return { instance: null, field: "", what, fix };
}

/** Where a link in the host's root leads; null for what is none. */
function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

type Row = readonly [isMissing: (host: Host, netfilter: Features) => boolean, line: string];

const ROWS: readonly Row[] = [
  [({ systemdVersion }) => systemdVersion < 257, "systemd before 257: instances have no PID namespace of their own"],
  [
    ({ systemdVersion }) => systemdVersion < 257,
    "systemd before 257: a socket of sandbox.unixSockets that its server makes anew is reached after a restart of the instance",
  ],
  [
    ({ landlockScopes }) => !landlockScopes,
    "no Landlock scopes (Linux 6.12): isolated instances have no Unix sockets at all",
  ],
  [
    (_, { persist }) => !persist,
    "nftables cannot own a table (Linux 6.9, nft 1.1): other programs can change or flush the egress policy until it is put back",
  ],
  [
    (_, { tells }) => !tells,
    "the kernel cannot say that something was refused (CONFIG_NETFILTER_NETLINK_LOG): counters are read every second",
  ],
];

/** What is weaker on this host for want of something, one line each. */
export const weaknesses = (host: Host, netfilter: Features): string[] =>
  ROWS.filter(([isMissing]) => isMissing(host, netfilter)).map(([, line]) => line);
