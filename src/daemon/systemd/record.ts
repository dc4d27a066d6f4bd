/** Reading unit properties off the bus. Pure: D-Bus values in, {@link UnitRecord} out. */
import type { UnitRecord } from "./port.ts";

const UNITS = "/org/freedesktop/systemd1/unit/";

/** Undo the escaping of bus_label_escape(): `opencode_2da_2eservice` → `opencode-a.service`. Null for what is no unit's path. */
export function unitOfPath(path: string): string | null {
  const label = path.startsWith(UNITS) ? path.slice(UNITS.length) : "";
  if (!/^\w+$/.test(label)) return null;
  try {
    return decodeURIComponent(label.replaceAll("_", "%"));
  } catch {
    return null; // not escaped by systemd
  }
}

/** The object path of a unit, as systemd makes it. */
export function pathOfUnit(unit: string): string {
  const bytes = Buffer.from(unit, "utf8").toString("latin1");
  const label = bytes.replace(
    /^[^a-zA-Z]|[^a-zA-Z0-9]/g,
    (char) => `_${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `${UNITS}${label}`;
}

export const blankRecord = (unit: string): UnitRecord => ({
  unit,
  active: "inactive",
  sub: "dead",
  since: 0,
  mainPid: 0,
  result: "success",
  exitCode: 0,
  exitStatus: 0,
  restarts: 0,
  handedOff: null,
  specHash: null,
});

const HASH_FIELD = "OPENCODE_SPEC_HASH=";

function specHashOf(fields: unknown): string | null {
  if (!Array.isArray(fields)) return null;
  const texts = fields
    .filter((field) => field instanceof Uint8Array)
    .map((field) => Buffer.from(field).toString("utf8"));
  return texts.find((field) => field.startsWith(HASH_FIELD))?.slice(HASH_FIELD.length) ?? null;
}

const asText = (value: unknown): string => (typeof value === "string" ? value : "");
const asNumber = (value: unknown): number =>
  typeof value === "bigint" || typeof value === "number" ? Number(value) : 0;

/** Property name on the bus → the field it goes to, and how its value is read. */
const FIELDS: readonly (readonly [property: string, field: keyof UnitRecord, read: (value: unknown) => Value])[] = [
  ["ActiveState", "active", asText],
  ["SubState", "sub", asText],
  ["StateChangeTimestamp", "since", asNumber],
  ["MainPID", "mainPid", asNumber],
  ["Result", "result", asText],
  ["ExecMainCode", "exitCode", asNumber],
  ["ExecMainStatus", "exitStatus", asNumber],
  ["NRestarts", "restarts", asNumber],
  ["ExecMainHandoffTimestamp", "handedOff", asNumber],
  ["LogExtraFields", "specHash", specHashOf],
];
type Value = UnitRecord[keyof UnitRecord];

/** The record with the properties of one `PropertiesChanged` (or `Get`) taken in; the same one when that changes nothing. */
export function applyProperties(record: UnitRecord, properties: Readonly<Record<string, unknown>>): UnitRecord {
  let after = record;
  for (const [property, field, read] of FIELDS) {
    if (!(property in properties)) continue;
    const value = read(properties[property]);
    if (value !== after[field]) after = { ...after, [field]: value };
  }
  return after;
}
