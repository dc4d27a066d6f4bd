/** How values and places of an instance file are shown to a person. Everything here is untrusted text: bounded, and safe to print. */

export type Segment = string | number;

/** Control characters, and those that reorder or hide text on a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const escapeUnits = (char: string): string =>
  char
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");

/** `text` without anything a terminal would act on, at most `length` characters. */
export function printable(text: string, length = 60): string {
  const cut = text.length > length ? `${text.slice(0, length)}…` : text;
  return cut.replace(UNPRINTABLE, escapeUnits);
}

export const quote = (text: string): string => `"${printable(text)}"`;

/** A value as a mistake names it: scalars literally, containers by kind. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** `a "x", "y" or "z"` without the article. */
export function either(choices: readonly string[]): string {
  const last = choices.at(-1) ?? "";
  return choices.length < 2 ? last : `${choices.slice(0, -1).join(", ")} or ${last}`;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `["sandbox", "readOnlyPaths", 0]` → `sandbox.readOnlyPaths[0]`; keys with odd characters are quoted. */
export function fieldOf(segments: readonly Segment[]): string {
  const parts = segments.map((segment, index) => {
    if (typeof segment === "number") return `[${segment}]`;
    const key = /^[\w-]{1,60}$/.test(segment) ? segment : quote(segment);
    return index === 0 ? key : `.${key}`;
  });
  return parts.join("");
}
