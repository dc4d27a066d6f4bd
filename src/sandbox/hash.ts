import { createHash } from "node:crypto";

/** Sorts keys of plain objects, and spells what JSON cannot say. */
function canonical(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** SHA-256 in hex over the canonical JSON of a value: the order of keys means nothing, the order of lists does. */
export const hashOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value, canonical)).digest("hex");
