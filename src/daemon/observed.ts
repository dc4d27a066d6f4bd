/** Which units are ours, and what they say of each instance. */
import { parseUnit } from "../spec/names.ts";
import type { View } from "./instance/view.ts";
import type { UnitRecord } from "./systemd/port.ts";

/** A service of this name that does not carry our hash is somebody else's. */
export const isOurs = (record: UnitRecord | null): boolean => record !== null && record.specHash !== null;

type Seen = Pick<Partial<View>, "main" | "setup" | "slice">;

/** What is known of each instance's units; `slices` are the cgroup ids of those that are active. */
export function observed(records: readonly UnitRecord[], slices: ReadonlyMap<string, bigint>): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const record of records) {
    const unit = parseUnit(record.unit);
    if (unit === null || record.active === "inactive" || (unit.role !== "slice" && !isOurs(record))) continue;
    const id = record.active === "active" ? (slices.get(record.unit) ?? null) : null;
    seen.set(unit.name, { ...seen.get(unit.name), [unit.role]: unit.role === "slice" ? id : record });
  }
  return seen;
}

/** What there is of all instances, each by name. */
export interface Found {
  readonly seen: ReadonlyMap<string, Seen>;
  /** Hash of what was started. */
  readonly markers: ReadonlyMap<string, string>;
  readonly roots: ReadonlySet<string>;
  /** Hash of the policy in force. */
  readonly installed: ReadonlyMap<string, string>;
}

/**
 * What there is of an instance, as part of its view. What runs was prepared for; what does not is prepared again, which changes
 * nothing that is right. One that is `known` may have been started or stopped since the markers were read.
 */
export function adopted(name: string, { seen, markers, roots, installed }: Found, known?: View): Partial<View> {
  const { main = null, setup = null, slice = null } = seen.get(name) ?? {};
  const started = known === undefined ? (markers.get(name) ?? null) : known.started;
  const prepared = main?.specHash ?? started ?? (roots.has(name) ? "" : null);
  return { main, setup, slice, started, prepared, installed: installed.get(name) ?? null };
}
