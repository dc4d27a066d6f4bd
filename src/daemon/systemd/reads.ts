/** Which properties of a unit are asked for one by one: what a listing does not carry, and no signal has said. */
import { parseUnit, TARGET } from "../../spec/names.ts";

export type Interface = "Unit" | "Service" | "Slice";
export type Property = readonly [iface: Interface, name: string];

/** Whose a service is: that never comes by signal. */
export const HASH: Property = ["Service", "LogExtraFields"];
const SINCE: Property = ["Unit", "StateChangeTimestamp"];

/** What a unit is read for when it is first seen, by role; later changes come by signal. */
const READ: Readonly<Record<"main" | "setup" | "slice" | "ended", readonly Property[]>> = {
  main: [HASH, SINCE, ["Service", "MainPID"], ["Service", "NRestarts"]],
  setup: [HASH, SINCE],
  slice: [],
  ended: [
    ["Service", "Result"],
    ["Service", "ExecMainCode"],
    ["Service", "ExecMainStatus"],
  ],
};

/**
 * An active service has not ended yet, or well. A setup whose main is active was started with it, in one call: it has its
 * hash, and nobody asks since when. `running`: instances whose main is active.
 */
export function toRead(unit: string, active: string, running: ReadonlySet<string>): readonly Property[] {
  if (unit === TARGET) return [SINCE];
  const { role, name } = parseUnit(unit) ?? { role: "slice", name: "" };
  if (role === "setup" && active === "active" && running.has(name)) return [];
  return role === "slice" || active === "active" ? READ[role] : [...READ[role], ...READ.ended];
}
