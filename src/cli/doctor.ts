/** `doctor`: what this host lacks, each with its remedy. Needs no supervisor; says when there is none. */
import { execFile } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { release } from "node:os";
import { promisify } from "node:util";
import { OLDEST_SYSTEMD } from "../sandbox/host.ts";
import { INSTANCE_FILE, TARGET } from "../spec/names.ts";
import { VERSION } from "../version.ts";
import type { Finding } from "./answers.ts";
import { get } from "./client.ts";
import { EX } from "./exit.ts";
import { readInstances, systemdVersion } from "./instance-files.ts";
import { count, writeJson, writeLines } from "./output.ts";
import { hasColour, listed, painted } from "./table.ts";

const run = promisify(execFile);

/** What was found on the host; plain data. Versions as `[major, minor, patch]`, null for what is not there. */
export interface Facts {
  readonly kernel: readonly number[];
  readonly systemd: number;
  readonly nft: readonly number[] | null;
  readonly node: number;
  /** cgroup.controllers of the root; null without cgroup v2 at /sys/fs/cgroup. */
  readonly controllers: readonly string[] | null;
  readonly bus: boolean;
  readonly root: boolean;
  /** is-active and is-enabled of the target, as systemctl says them. */
  readonly target: readonly [active: string, enabled: string];
  /** Version of the supervisor that answers; null when none does. */
  readonly running: string | null;
  readonly version: string;
  /** What is wrong with the instance file; null when it is good. */
  readonly file: string | null;
  readonly opencode: boolean;
}

type Check = readonly [
  what: string,
  judge: (facts: Facts) => readonly [Finding["state"], found: string, remedy: string],
];

/** Whether `found` is `least` or later. */
export function isAtLeast(found: readonly number[], least: readonly number[]): boolean {
  const index = least.findIndex((part, at) => (found[at] ?? 0) !== part);
  return index < 0 || (found[index] ?? 0) > (least[index] ?? 0);
}
const grade = (isGood: boolean, isEnough: boolean): Finding["state"] =>
  isGood ? "ok" : isEnough ? "weaker" : "missing";
const dotted = (version: readonly number[]): string => version.join(".");
const yes = (is: boolean): Finding["state"] => (is ? "ok" : "missing");

const CHECKS: readonly Check[] = [
  [
    "Linux",
    ({ kernel }) => [
      grade(isAtLeast(kernel, [6, 12]), isAtLeast(kernel, [6, 6])),
      dotted(kernel),
      "6.6 at least; 6.12 for all of the sandbox (Landlock scopes)",
    ],
  ],
  [
    "systemd",
    ({ systemd }) => [
      grade(systemd >= 257, systemd >= OLDEST_SYSTEMD),
      systemd === 0 ? "not found" : String(systemd),
      `${OLDEST_SYSTEMD} at least; 257 for all of the sandbox (PrivatePIDs=)`,
    ],
  ],
  [
    "nftables",
    ({ nft }) => [
      grade(nft !== null && isAtLeast(nft, [1, 1]), nft !== null && isAtLeast(nft, [1, 0, 6])),
      nft === null ? "no nft to ask" : dotted(nft),
      "1.0.6 at least; 1.1 so that nobody else can change the policies. Install nftables",
    ],
  ],
  ["Node", ({ node }) => [yes(node >= 24), String(node), "install Node 24, or the package that comes with it"]],
  [
    "cgroup v2",
    ({ controllers }) => {
      const lacking = ["memory", "cpu", "pids"].filter((each) => controllers?.includes(each) !== true);
      return [
        grade(controllers !== null && lacking.length === 0, controllers !== null),
        controllers === null
          ? "not at /sys/fs/cgroup"
          : lacking.length === 0
            ? "with all controllers"
            : `without ${lacking.join(", ")}`,
        "boot with systemd.unified_cgroup_hierarchy=1: without controllers limits are not enforced",
      ];
    },
  ],
  ["system bus", ({ bus }) => [yes(bus), bus ? "there" : "no socket", "systemctl start dbus.socket"]],
  [
    "root",
    ({ root }) => [grade(root, true), root ? "yes" : "no", "run this as root: some of this cannot be seen otherwise"],
  ],
  [
    "instance file",
    ({ file }) => [
      yes(file === null),
      file ?? "good",
      `opencode-supervisor validate ${INSTANCE_FILE} says all that is wrong`,
    ],
  ],
  [
    TARGET,
    ({ target: [active, enabled] }) => [
      grade(active === "active" && enabled !== "disabled", active === "active"),
      `${active}, ${enabled}`,
      `systemctl enable --now ${TARGET}`,
    ],
  ],
  [
    "supervisor",
    ({ running, version }) => [
      grade(running === version, running !== null),
      running === null ? "does not answer" : running,
      "systemctl restart opencode-supervisor.service; journalctl -u opencode-supervisor.service says why not",
    ],
  ],
  [
    "opencode",
    ({ opencode }) => [
      grade(opencode, true),
      opencode ? "on PATH" : "not on this PATH",
      "install it in /usr/local/bin, or write package or command for each instance",
    ],
  ],
];

/** A finding a check; the remedy only where one is needed. Pure. */
export const findings = (facts: Facts): Finding[] =>
  CHECKS.map(([what, judge]) => {
    const [state, found, remedy] = judge(facts);
    return { what, state, found, remedy: state === "ok" ? null : remedy };
  });

/** Exit 0 when nothing is missing; weaker is not missing. */
export async function doctor(json: boolean): Promise<number> {
  const found = findings(await facts());
  const ok = found.every(({ state }) => state !== "missing");
  if (json) writeJson({ ok, findings: found });
  else {
    const rows = listed([["WHAT", "STATE", "FOUND"], ...found.map((each) => [each.what, each.state, each.found])]);
    const isColoured = hasColour(process.stdout, process.env);
    writeLines(rows.map((line) => painted(line, isColoured)));
    writeLines(found.flatMap(({ what, remedy }) => (remedy === null ? [] : ["", ...listed([[`${what}:`, remedy]])])));
  }
  return ok ? EX.OK : EX.FAILURE;
}

const said = (program: string, ...args: string[]): Promise<string> =>
  run(program, args, { timeout: 10_000 }).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => (error instanceof Error && "stdout" in error ? String(error.stdout).trim() : ""),
  );
const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
const numbers = (text: string): number[] | null => /(\d+(?:\.\d+)+)/.exec(text)?.[1]?.split(".").map(Number) ?? null;

async function facts(): Promise<Facts> {
  const [nft, controllers, active, enabled] = await Promise.all([
    said("nft", "--version"),
    readFile("/sys/fs/cgroup/cgroup.controllers", "utf8").catch(() => null),
    said("systemctl", "is-active", TARGET),
    said("systemctl", "is-enabled", TARGET),
  ]);
  return {
    kernel: numbers(release()) ?? [0],
    systemd: await systemdVersion(),
    nft: numbers(nft),
    node: Number(process.versions.node.split(".")[0]),
    controllers: controllers?.trim().split(" ") ?? null,
    bus: await isThere("/run/dbus/system_bus_socket"),
    root: process.getuid?.() === 0,
    target: [active || "unknown", enabled || "unknown"],
    running: await runningVersion(),
    version: VERSION,
    file: await readInstances(INSTANCE_FILE).then(
      ({ problems }) => (problems.length === 0 ? null : count(problems.length, "mistake")),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
    opencode: (await said("sh", "-c", "command -v opencode")) !== "",
  };
}

async function runningVersion(): Promise<string | null> {
  const answer = await get("/v1/status").catch(() => null);
  const body = answer?.body;
  return typeof body === "object" && body !== null && "version" in body ? String(body.version) : null;
}
