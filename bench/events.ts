/**
 * How long an event is on its way, with the real supervisor in a machine: from systemd's signal, as another client of the same
 * bus hears it, until each of many followers of `/v1/events/stream` has it. Half of the instances are killed and half are
 * stopped, one after the other. All clocks are CLOCK_MONOTONIC of one kernel, so that what systemd says of when it changed the
 * state (`StateChangeTimestampMonotonic`) can be held against it too.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, type Message, type MessageBus } from "dbus-native";
import { Value } from "typebox/value";
import { unitOfPath } from "../src/daemon/systemd/record.ts";
import { mainUnit, TARGET } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";
import { waitFor } from "../testbed/wait.ts";
import { Heard } from "./followers.ts";
import { inMachine, instances, makeUsers, monotonic, SERVER, untilReady, writeScene } from "./scene.ts";

export const INSTANCES = 100;
export const FOLLOWERS = 100;
/** Between two instances, so that each is measured by itself though those before it are being started again. */
const PAUSE_MS = 100;
const SIGKILL = 9;

const SYSTEMD = "org.freedesktop.systemd1";
const MANAGER = { destination: SYSTEMD, path: "/org/freedesktop/systemd1", interface: `${SYSTEMD}.Manager` };
const UNIT = `${SYSTEMD}.Unit`;

/** Milliseconds until each follower heard, for every event: since the signal, and since systemd's own time of the change. */
export interface Delays {
  readonly signal: readonly number[];
  readonly change: readonly number[];
}

/** What is done to an instance, the state it is then in, and systemd's words for that, `ActiveState/SubState`. */
interface Deed {
  readonly call: (unit: string) => Pick<Message, "member" | "signature" | "body">;
  readonly state: string;
  readonly words: string;
}
const KILL: Deed = {
  call: (unit) => ({ member: "KillUnit", signature: "ssi", body: [unit, "main", SIGKILL] }),
  ...{ state: "backing-off", words: "activating/auto-restart" },
};
const STOP: Deed = {
  call: (unit) => ({ member: "StopUnit", signature: "ss", body: [unit, "replace"] }),
  ...{ state: "stopped", words: "inactive/dead" },
};

/** When the first signal of a unit came that had these words, and what it said of when; microseconds. */
type Signals = Map<string, { readonly at: number; readonly changed: number }>;

/** Hears what the supervisor hears, in a connection of its own. */
async function listen(machine: Machine, signals: Signals): Promise<MessageBus> {
  const bus = createClient({ busAddress: `unix:path=/proc/${machine.pid}/root/run/dbus/system_bus_socket` });
  bus.connection.on("message", ({ member, path, body }: Message) => {
    const at = monotonic();
    const [iface, properties] = body ?? [];
    if (member !== "PropertiesChanged" || iface !== UNIT || !isDictionary(properties)) return;
    const { ActiveState: active, SubState: sub, StateChangeTimestampMonotonic: changed } = properties;
    const key = `${unitOfPath(path ?? "")} ${active}/${sub}`;
    if (!signals.has(key)) signals.set(key, { at, changed: Number(changed) });
  });
  await bus.addMatch(`type='signal',sender='${SYSTEMD}',member='PropertiesChanged',arg0='${UNIT}'`);
  await bus.invoke({ ...MANAGER, member: "Subscribe" });
  return bus;
}
const isDictionary = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The followers, once all of them follow; what they hear goes into `heard`, by instance and state. */
async function followers(machine: Machine, heard: Map<string, readonly number[]>): Promise<ChildProcess> {
  const socket = `/proc/${machine.pid}/root/run/opencode-supervisor/status.sock`;
  const child = fork(new URL("./followers.ts", import.meta.url), [socket, String(FOLLOWERS)]);
  await once(child, "message");
  child.on("message", (message) => {
    const { instance, state, at } = Value.Parse(Heard, message);
    heard.set(`${instance} ${state}`, at);
  });
  return child;
}

async function measured(machine: Machine, names: readonly string[]): Promise<Delays> {
  const signals: Signals = new Map();
  const heard = new Map<string, readonly number[]>();
  const bus = await listen(machine, signals);
  const child = await followers(machine, heard);
  const delays: { readonly signal: number[]; readonly change: number[] } = { signal: [], change: [] };
  for (const [index, name] of names.entries()) {
    const { call, state, words } = index % 2 === 0 ? KILL : STOP;
    await bus.invoke({ ...MANAGER, ...call(mainUnit(name)) });
    const [at, signal] = await waitFor(`${name} to be heard of: ${state}`, () => {
      const [times, said] = [heard.get(`${name} ${state}`), signals.get(`${mainUnit(name)} ${words}`)];
      return times !== undefined && said !== undefined && ([times, said] as const);
    });
    delays.signal.push(...at.map((each) => (each - signal.at) / 1000));
    delays.change.push(...at.map((each) => (each - signal.changed) / 1000));
    await delay(PAUSE_MS);
  }
  child.kill();
  bus.connection.end();
  return delays;
}

/** Of 100 instances, each heard of by 100 followers. */
export async function eventDelays(): Promise<Delays> {
  return await inMachine("events", async (machine) => {
    const all = instances(INSTANCES, SERVER);
    await makeUsers(machine, all);
    await writeScene(machine, all);
    await machine.exec(["systemctl", "start", TARGET]);
    await untilReady(machine, all);
    return await measured(machine, Object.keys(all));
  });
}
