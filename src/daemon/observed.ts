/** Which units are ours, and what they say of each instance. */
import { parseUnit } from "../spec/names.ts";
import type { View } from "./instance/view.ts";
import type { UnitRecord } from "./systemd/port.ts";

/** A service of this name that does not carry our hash is somebody else's. */
export const isOurs = (record: UnitRecord | null): boolean => record !== null && record.specHash !== null;

/** What is known of each instance's units. */
export function observed(
  records: readonly UnitRecord[],
  slices: ReadonlyMap<string, bigint>,
): Map<string, Pick<Partial<View>, "main" | "setup" | "slice">> {
  const seen = new Map<string, Pick<Partial<View>, "main" | "setup" | "slice">>();
  for (const record of records) {
    const unit = parseUnit(record.unit);
    if (unit === null || record.active === "inactive" || (unit.role !== "slice" && !isOurs(record))) continue;
    const id = record.active === "active" ? (slices.get(record.unit) ?? null) : null;
    seen.set(unit.name, { ...seen.get(unit.name), [unit.role]: unit.role === "slice" ? id : record });
  }
  return seen;
}
