/** The daemon is restarted among many instances: how soon it has adopted them; what it takes while nothing happens. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Value } from "typebox/value";
import { InstanceList } from "../src/daemon/api/model.ts";
import { SUPERVISOR_UNIT } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";
import { kept, spread } from "./numbers.ts";
import { ask, type Instances, mainPids, milliseconds, property, untilReady } from "./scene.ts";

const RUNS = 5;
const ADOPTED_MOST_MS = 1000;
const MEMORY_MOST_MIB = 120;
/** It gives memory back when all is quiet: `src/daemon/memory.ts`. */
const REST_SECONDS = 40;
const IDLE_MOST_PERCENT = 0.2;
const IDLE_SECONDS = 40;

export async function restarts(machine: Machine, all: Instances): Promise<string[][]> {
  const before = await mainPids(machine, all);
  const [adopted, ready, bare]: [number[], number[], number[]] = [[], [], []];
  const memory: Memory[] = [];
  let incomplete = 0;
  for (let run = 0; run < RUNS; run++) {
    bare.push(await milliseconds(() => machine.exec(["node", "--eval", "0"])));
    ready.push(
      await milliseconds(async () => {
        await machine.exec(["systemctl", "restart", SUPERVISOR_UNIT]);
        const { instances } = Value.Parse(InstanceList, await ask(machine, "/v1/instances"));
        incomplete += instances.filter(({ pid, policy }) => pid === null || !policy.inForce).length;
        await untilReady(machine, all);
      }),
    );
    adopted.push(await adoptionTook(machine));
    memory.push(await memoryAtRest(machine));
  }
  const after = await mainPids(machine, all);
  const restarted = [...before].filter(([unit, pid]) => after.get(unit) !== pid).length;
  const complete = incomplete === 0 && restarted === 0;
  return [
    [
      "restart of the daemon, process to READY=1",
      spread(adopted, 0, "ms"),
      `${ADOPTED_MOST_MS} ms`,
      kept(adopted, ADOPTED_MOST_MS),
    ],
    ["… status incomplete, instances restarted", `${incomplete}, ${restarted}`, "0, 0", complete ? "yes" : "NO"],
    ["… all servers asked and ready", spread(ready, 0, "ms"), "", ""],
    ["… a Node that does nothing, beside it", spread(bare, 0, "ms"), "", ""],
    ...memoryRows("memory of the daemon", memory),
  ];
}

/** In MiB: what it holds, and the most that it held until then. */
interface Memory {
  readonly now: number;
  readonly most: number;
}

/** Once all is quiet. */
export async function memoryAtRest(machine: Machine): Promise<Memory> {
  await delay(REST_SECONDS * 1000);
  return { now: await residentMegabytes(machine, "VmRSS"), most: await residentMegabytes(machine, "VmHWM") };
}

export function memoryRows(what: string, memory: readonly Memory[]): string[][] {
  const now = memory.map((each) => each.now);
  const most = memory.map((each) => each.most);
  return [
    [
      `${what}, ${REST_SECONDS} s after that (RSS)`,
      spread(now, 0, "MiB"),
      `${MEMORY_MOST_MIB} MiB`,
      kept(now, MEMORY_MOST_MIB),
    ],
    ["… at most until then (VmHWM)", spread(most, 0, "MiB"), "", ""],
  ];
}

/** Milliseconds from the start of the process until it said READY=1, by systemd's clock. */
async function adoptionTook(machine: Machine): Promise<number> {
  const at = async (name: string) => Number((await property(machine, name, [SUPERVISOR_UNIT])).get(SUPERVISOR_UNIT));
  return ((await at("ActiveEnterTimestampMonotonic")) - (await at("ExecMainStartTimestampMonotonic"))) / 1000;
}

/** A file of the daemon's process below the machine's /proc. */
async function processFile(machine: Machine, file: string): Promise<string> {
  const pid = (await property(machine, "MainPID", [SUPERVISOR_UNIT])).get(SUPERVISOR_UNIT);
  return readFileSync(`/proc/${machine.pid}/root/proc/${pid}/${file}`, "utf8");
}

/** In MiB; see proc_pid_status(5). */
async function residentMegabytes(machine: Machine, field: "VmRSS" | "VmHWM"): Promise<number> {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(await processFile(machine, "status"))?.[1];
  return Number(kilobytes) / 1024;
}

/** Clock ticks a second, sysconf(_SC_CLK_TCK): 100 on every Linux that Node runs on. */
const TICKS = 100;

/** User and system time of all threads so far, in seconds: proc_pid_stat(5), fields 14 and 15. */
async function cpuTime(machine: Machine): Promise<number> {
  const fields = (await processFile(machine, "stat")).replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export async function idle(machine: Machine): Promise<string[][]> {
  const before = await cpuTime(machine);
  await delay(IDLE_SECONDS * 1000);
  const percent = [(100 * ((await cpuTime(machine)) - before)) / IDLE_SECONDS];
  return [
    [
      `processor time while idle, over ${IDLE_SECONDS} s`,
      `${spread(percent, 2)} % of a core`,
      `${IDLE_MOST_PERCENT} %`,
      kept(percent, IDLE_MOST_PERCENT),
    ],
  ];
}
