/** What the benches play in: a machine with the supervisor and many light instances, and how to look at them. */
import { existsSync, readFileSync } from "node:fs";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { INSTANCE_FILE, mainUnit, PARENT_SLICE, SUPERVISOR_UNIT, sliceUnit, TARGET } from "../src/spec/names.ts";
import { Machine } from "../testbed/machine.ts";

export interface Instance {
  readonly directory: string;
  readonly listen: { readonly port: number };
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly networkIsolation: { readonly enable: true; readonly outboundAllowCidrs: readonly string[] };
}
export type Instances = Readonly<Record<string, Instance>>;

/** In place of opencode: takes no time to start and does nothing. */
export const SLEEPER = ["/bin/sh", "-c", "exec sleep infinity"];
/** The same, but it answers like a healthy server, so that the supervisor comes to rest. Its arguments are those of `opencode serve`. */
export const SERVER = [
  "/usr/bin/perl",
  "-MSocket",
  "-e",
  [
    "socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);",
    "bind(S, sockaddr_in($ARGV[5], inet_aton($ARGV[3]))) or die $!; listen(S, 16);",
    "for (;;) { accept(C, S) or next;",
    `sysread(C, $_, 4096); $_ = '{"healthy":true,"version":"0"}';`,
    `syswrite(C, "HTTP/1.1 200 OK\\r\\nContent-Length: " . length() . "\\r\\nConnection: close\\r\\n\\r\\n$_"); close(C);`,
    "}",
  ].join(" "),
];

const FIRST_PORT = 10_000;

/** `count` isolated instances, all alike. */
export function instances(count: number, command: readonly string[]): Instances {
  const one = (index: number): [string, Instance] => [
    `bench-${index}`,
    {
      directory: `/srv/bench-${index}`,
      listen: { port: FIRST_PORT + index },
      command,
      environment: {},
      networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.0/25", "2001:db8::/32"] },
    },
  ];
  return Object.fromEntries(Array.from({ length: count }, (_, index) => one(index)));
}

export const fileText = (all: Instances, indent?: number): string =>
  `${JSON.stringify({ version: 1, instances: all }, null, indent)}\n`;

/** Writes the file and makes the projects, which any user may write: the instances' users need not exist. */
export async function writeScene(machine: Machine, all: Instances): Promise<void> {
  await machine.sh("xargs install -d -m 0777", {
    input: Object.values(all)
      .map(({ directory }) => directory)
      .join("\n"),
  });
  await machine.writeFile(INSTANCE_FILE, fileText(all));
}

/** Makes the users that the supervisor would have made. */
export async function makeUsers(machine: Machine, all: Instances): Promise<void> {
  const lines = Object.keys(all).map((name) => `u opencode-${name} - "opencode ${name}"`);
  await machine.sh("systemd-sysusers -", { input: lines.join("\n") });
}

/** How long `work` takes. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Microseconds of CLOCK_MONOTONIC, which the machine shares: comparable with systemd's `…TimestampMonotonic`. */
export const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);

/** Seconds of processor time that everything in the machine has taken. */
export function cpuSeconds(machine: Machine): number {
  const usage = /^usage_usec (\d+)$/m.exec(readFileSync(`${machine.cgroup}/cpu.stat`, "utf8"))?.[1];
  return Number(usage) / 1e6;
}

/** One property of many units, by unit; asks systemd in one call. */
export async function property(machine: Machine, name: string, units: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await machine.exec(["systemctl", "show", `--property=Id,${name}`, "--", ...units]);
  const pairs = stdout
    .trim()
    .split("\n\n")
    .map((block): [string, string] => {
      const fields = new Map(
        block
          .split("\n")
          .map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
      return [fields.get("Id") ?? "", fields.get(name) ?? ""];
    });
  return new Map(pairs);
}

const PATIENCE = { deadlineMs: 180_000 };

/**
 * Waits until each instance's main unit runs what it is to run, then until all are active. What is watched pays for the
 * watching: it is looked at seldom, and in /proc; systemd is asked when there is nothing left to start.
 */
export async function untilActive(machine: Machine, all: Instances): Promise<void> {
  const procs = (name: string) => `${machine.cgroup}/${PARENT_SLICE}/${sliceUnit(name)}/${mainUnit(name)}/cgroup.procs`;
  const waiting = new Set(Object.keys(all));
  await machine.waitFor(
    "processes of every instance",
    (saw) => {
      for (const name of waiting) {
        if (!runs(procs(name))) break; // they start in this order, more or less
        waiting.delete(name);
      }
      saw(`none yet of ${[...waiting].slice(0, 5).join(", ")} (${waiting.size} in all)`);
      return waiting.size === 0;
    },
    { ...PATIENCE, intervalMs: 200 },
  );
  const units = Object.keys(all).map(mainUnit);
  let missing: readonly string[] = [];
  const isActive = async (): Promise<boolean> => {
    const states = [...(await property(machine, "ActiveState", units)).entries()];
    missing = states.filter(([, state]) => state !== "active").map(([unit]) => unit);
    return missing.length === 0;
  };
  try {
    await machine.waitFor("active units of every instance", isActive, { ...PATIENCE, intervalMs: 200 });
  } catch (cause) {
    throw new Error(await told(machine, missing.slice(0, 5)), { cause });
  }
}

/** What systemd and its journal have to say of these units. */
async function told(machine: Machine, units: readonly string[]): Promise<string> {
  const status = ["systemctl", "status", "--no-pager", "--full", "--lines=20", "--", ...units];
  return (await machine.exec(status, { check: false })).stdout;
}

/** Whether the processes of a cgroup are past systemd's own part, in which their name is in parentheses. */
function runs(procs: string): boolean {
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8").trim() : "");
  const pids = read(procs)
    .split("\n")
    .filter((pid) => pid !== "");
  return pids.length > 0 && pids.every((pid) => !/^(\(|$)/.test(read(`/proc/${pid}/comm`)));
}

/** Waits until the supervisor calls every one of them ready. */
export async function untilReady(machine: Machine, all: Instances): Promise<void> {
  await machine.waitFor(
    "ready instances",
    async (saw) => {
      const { instances: counts } = Value.Parse(Counts, await ask(machine, "/v1/status"));
      const missing = Object.keys(all).length - (counts.ready ?? 0);
      saw(counts);
      if (missing > 0 && missing < 5) saw({ counts, missing: await notReady(machine) });
      return missing === 0;
    },
    { ...PATIENCE, intervalMs: 100 },
  );
}

/** Which are not ready, and why. */
async function notReady(machine: Machine): Promise<unknown> {
  const { instances } = Value.Parse(List, await ask(machine, "/v1/instances"));
  return instances.filter(({ state }) => state !== "ready");
}
const List = Type.Object({
  instances: Type.Array(Type.Object({ name: Type.String(), state: Type.String(), why: Type.Unknown() })),
});
const Counts = Type.Object({ instances: Type.Record(Type.String(), Type.Integer()) });

/** When the last of these units became active, in microseconds of {@link monotonic}. */
export const lastActive = async (machine: Machine, units: readonly string[]): Promise<number> =>
  Math.max(...[...(await property(machine, "ActiveEnterTimestampMonotonic", units)).values()].map(Number));

export const mainPids = (machine: Machine, all: Instances): Promise<Map<string, string>> =>
  property(machine, "MainPID", Object.keys(all).map(mainUnit));

/** Stops target and supervisor; resolves when nothing of the instances is left but their state. */
export async function stopAll(machine: Machine): Promise<void> {
  await machine.exec(["systemctl", "stop", TARGET]);
  const roots = "/run/opencode-supervisor/root";
  await machine.waitFor("end of every instance", async () => (await machine.sh(`ls ${roots}`)).stdout === "", PATIENCE);
  await machine.exec(["systemctl", "stop", SUPERVISOR_UNIT]);
}

const STATUS = ["curl", "-sS", "--unix-socket", "/run/opencode-supervisor/status.sock"];

/** What the supervisor's API answers. */
export async function ask(machine: Machine, path: string): Promise<unknown> {
  return JSON.parse((await machine.exec([...STATUS, `http://localhost${path}`])).stdout);
}

/** A machine with the supervisor installed, for as long as `work` takes. */
export async function inMachine<T>(name: string, work: (machine: Machine) => Promise<T>): Promise<T> {
  await using machine = await Machine.up({ name: `bench-${name}`, say: (line) => console.error(line) });
  await machine.install();
  return await work(machine);
}
