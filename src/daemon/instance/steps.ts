/** How each step is done: a table from step to executor. Executors say what they learnt by the change of view they answer with. */

import type { Policy } from "../../netpolicy/policy.ts";
import type { AddressFilter } from "../../sandbox/address-filter.ts";
import { mainUnit, setupUnit, sliceUnit } from "../../spec/names.ts";
import { ProblemError } from "../../spec/problem.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import {
  isNoSuchUnit,
  isUnitExists,
  type JobResult,
  NOT_DUE,
  type Systemd,
  type TransientUnit,
} from "../systemd/port.ts";
import { hostProblem } from "./blame.ts";
import { nextStep, type Step } from "./next-step.ts";
import { isLoaded, isPassedOver, isUp, UNPREPARED, type View, type Wanted } from "./view.ts";

/** What the executors work with; the daemon's real ones, or fakes. */
export interface Ports {
  readonly systemd: Systemd;
  readonly egress: {
    /** Commit and read back. Answers false when there is no table and the policy asks for no isolation. */
    put(policy: Policy): Promise<boolean>;
    remove(name: string): Promise<void>;
  };
  readonly host: {
    /** Throws when the change would leave state behind. */
    admit(wanted: Wanted): Promise<void>;
    prepare(wanted: Wanted): Promise<void>;
    clean(name: string): Promise<void>;
    /** Who has the port that the server is to listen on; null when it is free. */
    taken(spec: InstanceSpec): Promise<string | null>;
    mark(name: string, specHash: string): Promise<unknown>;
    unmark(name: string): Promise<unknown>;
  };
  readonly filterOf: (spec: InstanceSpec) => AddressFilter;
  /** Runs steps with bounded concurrency, each line by itself. */
  readonly limit: (line: Line, work: () => Promise<void>) => Promise<void>;
}

/** What is so from the moment a step begins: an instance that we stop is not one that was stopped by hand. */
export const FROM_THE_START: Readonly<Partial<Record<Step, Partial<View>>>> = { stop: { started: null } };

/** Where a step waits for its turn: who waits for systemd's jobs keeps nobody from what we do ourselves. */
export type Line = "ours" | "jobs";

export const lineOf = (step: Step): Line => (step === "start" || step === "stop" ? "jobs" : "ours");

/** `now`: the view as it is by then. */
type Executor = (view: View, ports: Ports, now: () => View) => Promise<Partial<View>>;

const unitsOf = (name: string): string[] => [mainUnit(name), setupUnit(name)];

/** Unmarked first: were the daemon killed between, what it stopped would be taken for stopped by hand. */
async function stop(view: View, { systemd, host }: Ports): Promise<Partial<View>> {
  const { name, prepared } = view;
  await host.unmark(name);
  for (const unit of unitsOf(name)) {
    await systemd.stop(unit);
    await systemd.resetFailed(unit);
  }
  const again = prepared === null ? {} : UNPREPARED;
  return {
    ...again,
    main: null,
    setup: null,
    started: null,
    retry: false,
    ended: false,
    redone: isPassedOver(view),
    killed: null,
    health: { kind: "checking", last: null },
  };
}

async function admit({ wanted }: View, { host }: Ports): Promise<Partial<View>> {
  if (wanted === null) return {};
  await host.admit(wanted);
  return { admitted: wanted.units.specHash };
}

async function prepare({ wanted }: View, { host }: Ports): Promise<Partial<View>> {
  if (wanted === null) return {};
  await host.prepare(wanted);
  return { prepared: wanted.units.specHash, rotated: [] };
}

async function slice({ name }: View, { systemd }: Ports): Promise<Partial<View>> {
  const unit = sliceUnit(name);
  await systemd.start(unit);
  const id = (await systemd.cgroupIds([unit])).get(unit) ?? 0n;
  if (id === 0n) throw hostProblem(name, `${unit} has no cgroup`, "see `systemctl status` of the slice");
  return { slice: id };
}

/** A live instance gets its address filter first: should this stop half-way, the policy still differs and both are redone. */
async function policy(view: View, { systemd, egress, filterOf }: Ports): Promise<Partial<View>> {
  if (view.policy === null || view.wanted === null) return {};
  if (isUp(view.main)) {
    const { allow, deny } = filterOf(view.wanted.spec);
    const reset = [
      ["IPAddressAllow", []],
      ["IPAddressDeny", []],
    ] as const;
    const filter = [...reset, ["IPAddressAllow", allow], ["IPAddressDeny", deny]] as const;
    for (const unit of unitsOf(view.name)) await systemd.setProperties(unit, filter).catch(unlessGone);
  }
  const inForce = await egress.put(view.policy);
  return inForce ? { installed: view.policyHash, exempt: null } : { installed: null, exempt: view.policyHash };
}

const unlessGone = (error: unknown): void => {
  if (!isNoSuchUnit(error)) throw error;
};

async function start(view: View, ports: Ports, now: () => View): Promise<Partial<View>> {
  if (view.wanted === null) return {};
  const { spec, units } = view.wanted;
  const taken = await ports.host.taken(spec);
  if (taken !== null) throw new ProblemError({ instance: view.name, field: "listen.port", what: taken, fix: FREE_IT });
  if (await joined(view.name, units.specHash, ports.systemd)) return mark(view, ports);
  if (isLoaded(view.setup)) await ports.systemd.stop(setupUnit(view.name));
  const main = { unit: mainUnit(view.name), properties: units.main };
  // Where many start it may wait for long, and be stopped by hand or changed meanwhile.
  const isDue = () => nextStep({ ...now(), blocked: null }) === "start";
  const result = await startWhenFree(
    ports.systemd,
    main,
    { unit: setupUnit(view.name), properties: units.setup },
    isDue,
  );
  return result === NOT_DUE ? {} : mark(view, ports);
}
const FREE_IT = "stop that, or write another port; the supervisor tries again by itself";

/**
 * Main may be there already, waiting for its turn: an answer was lost with the connection, or an earlier daemon had it
 * started. Then this is another request for the same job, and setup is not done twice.
 */
async function joined(name: string, specHash: string, systemd: Systemd): Promise<boolean> {
  return systemd.record(mainUnit(name))?.specHash === specHash && startIfThere(systemd, mainUnit(name));
}

/** A start of what is up changes nothing. False when there is no such unit any more. */
export async function startIfThere(systemd: Pick<Systemd, "start">, unit: string): Promise<boolean> {
  try {
    await systemd.start(unit);
    return true;
  } catch (error) {
    if (isNoSuchUnit(error)) return false;
    throw error;
  }
}

/** Not a stop: what ends so comes back by itself. */
async function kill({ name, health }: View, { systemd }: Ports): Promise<Partial<View>> {
  await systemd.kill(mainUnit(name), SIGKILL).catch(unlessGone);
  return { killed: health.kind === "hung" ? health.why : null, health: { kind: "checking", last: null } };
}
const SIGKILL = 9;

/** Only now: were it marked before and the daemon killed between, it would be taken for stopped by hand. */
async function mark({ name, wanted }: View, { host }: Ports): Promise<Partial<View>> {
  if (wanted === null) return {};
  await host.mark(name, wanted.units.specHash);
  return { started: wanted.units.specHash };
}

/** A unit just stopped may still be in systemd's memory for a moment; its name is free once it is collected. */
async function startWhenFree(
  systemd: Systemd,
  main: TransientUnit,
  setup: TransientUnit,
  isDue: () => boolean,
): Promise<JobResult> {
  const deadline = Date.now() + FREE_WITHIN_MS;
  for (;;) {
    try {
      return await systemd.startTransient(main, [setup], isDue);
    } catch (error) {
      if (!isUnitExists(error) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
const FREE_WITHIN_MS = 2000;

async function unpolicy({ name }: View, { egress }: Ports): Promise<Partial<View>> {
  await egress.remove(name);
  return { installed: null, exempt: null };
}

async function unslice({ name }: View, { systemd }: Ports): Promise<Partial<View>> {
  await systemd.stop(sliceUnit(name));
  return { slice: null };
}

async function clean({ name }: View, { host }: Ports): Promise<Partial<View>> {
  await host.clean(name);
  await host.unmark(name);
  return { prepared: null, started: null };
}

export const EXECUTORS: Readonly<Record<Step, Executor>> = {
  kill,
  admit,
  stop,
  prepare,
  slice,
  policy,
  mark,
  start,
  unpolicy,
  unslice,
  clean,
};
