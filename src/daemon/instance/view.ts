/** Everything known of one instance: what is wanted of it (the file) and what is there (systemd, kernel, disk). Plain data. */
import type { Policy } from "../../netpolicy/policy.ts";
import type { Problem } from "../../spec/problem.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import type { InstanceUnits } from "../../spec/unit.ts";
import type { UnitRecord } from "../systemd/port.ts";

/** An instance as it is to run. */
export interface Wanted {
  readonly spec: InstanceSpec;
  readonly units: InstanceUnits;
}

/** What a probe with the instance's credentials last said; `checking` until the first answer. */
export type Health =
  | { readonly kind: "checking"; readonly last: string | null }
  | { readonly kind: "ready"; readonly version: string; readonly since: number }
  /** It was ready, and now answers late, not at all, or that something is wrong. */
  | { readonly kind: "unhealthy"; readonly version: string; readonly since: number; readonly why: string }
  /** It runs and does not answer any more. */
  | { readonly kind: "hung"; readonly why: string };

export interface View {
  readonly name: string;
  /** Null: nothing of it is to be left but its state. */
  readonly wanted: Wanted | null;
  /** The file does not say (yet, or for its mistakes) what is wanted: left as it is. */
  readonly held: boolean;
  readonly main: UnitRecord | null;
  readonly setup: UnitRecord | null;
  /** The slice's cgroup id; null when the slice is not active. */
  readonly slice: bigint | null;
  /** The policy as it is to be for this slice; null when nothing is wanted or there is no slice. */
  readonly policy: Policy | null;
  readonly policyHash: string | null;
  /** Hash of the policy read back from the kernel for this slice; null when there is none. */
  readonly installed: string | null;
  /** Policy hash that was let pass without a table: no isolation asked for, and the kernel refused to have one. */
  readonly exempt: string | null;
  /** Spec hash that was found to leave no state behind. */
  readonly admitted: string | null;
  /** Spec hash that the root, config and credentials on disk were made for; null when there are none. */
  readonly prepared: string | null;
  /** Spec hash that was last started; kept in `/run` so that a unit stopped by hand is told from one never started. */
  readonly started: string | null;
  /** What stopped the last step; nothing further is tried until it is cleared (reload, change, retry). */
  readonly blocked: Problem | null;
  /** A reload asked for another try of what failed. */
  readonly retry: boolean;
  /** opencode.target was stopped meanwhile, and this with it: what is left of it goes before it is started again. */
  readonly ended: boolean;
  /** It was begun anew because setup was passed over; what systemd says of that is not believed twice in a row. */
  readonly redone: boolean;
  /** Fields whose files hold something else than it was started with; only of those that are to be restarted for it. */
  readonly rotated: readonly string[];
  readonly health: Health;
  /** Why its server was killed, from then until it is ready again; null when it was not. */
  readonly killed: string | null;
  /** The last lines that the unit that failed wrote, cleaned of what a terminal would act on; empty while none failed. */
  readonly output: readonly string[];
  /** Processes of it that were killed for want of memory, counted when a unit failed; 0 too where nobody counts them. */
  readonly oomKills: number;
}

/** A unit that is up or on its way. */
export const isUp = (unit: UnitRecord | null): unit is UnitRecord =>
  unit !== null && ["active", "activating", "reloading", "refreshing"].includes(unit.active);

/** A unit that systemd has in memory with something to say: running, stopping or failed. */
export const isLoaded = (unit: UnitRecord | null): unit is UnitRecord => unit !== null && unit.active !== "inactive";

/**
 * Whether systemd took setup for done though its program was never executed: with `PrivatePIDs=` the process that systemd forks
 * hands over to a child and exits with 0, and when systemd reaps it before it reads of the child, that is how setup ended
 * (seen on 257 in 1 of some 3000 starts, always with many at once). A server that has answered is left alone, whatever is said.
 */
export const isPassedOver = ({ setup, health, redone }: View): boolean =>
  !redone && health.kind === "checking" && setup?.active === "active" && setup.handedOff === 0;

/** It is to be looked at again before it is started: what was made for it is there, and may not be as it was. */
export const UNPREPARED = { prepared: "", admitted: null } as const;
