/** The fields of an instance one by one, dotted as in the file. Pure. */

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `{ listen: { port: 1 } }` → `listen.port` and 1; an empty object is a value. */
export function fieldsOf(value: unknown, above = ""): (readonly [field: string, value: unknown])[] {
  if (!isObject(value) || (above !== "" && Object.keys(value).length === 0)) return [[above, value]];
  return Object.entries(value).flatMap(([key, inner]) => fieldsOf(inner, above === "" ? key : `${above}.${key}`));
}

/** Whether the field is written in `value`, itself or as part of something above it. */
export function isWritten(value: unknown, field: string): boolean {
  if (!isObject(value)) return true;
  const keys = Object.keys(value).filter((key) => field === key || field.startsWith(`${key}.`));
  return keys.some((key) => field === key || isWritten(value[key], field.slice(key.length + 1)));
}
