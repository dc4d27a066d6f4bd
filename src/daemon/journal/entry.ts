/** From a pino record to the fields of a journal entry. Pure. */
import { EVENTS, isKind } from "./messages.ts";

/** pino level → syslog priority (syslog(3)); the first row whose level is reached. */
const PRIORITIES: readonly (readonly [level: number, priority: number])[] = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
  [0, 7],
];

export interface JournalEntry {
  readonly priority: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Keys of pino's own that are no fields. */
const DROPPED = new Set(["level", "time", "pid", "hostname", "msg", "v"]);

/** A NUL in a value makes the journald binding write beyond it. */
const withoutNul = (text: string): string => text.replaceAll("\0", "\uFFFD");

/** `{kind: "blocked", instance: "a", …}` → `MESSAGE_ID=…`, `OPENCODE_INSTANCE=a`, … */
export function toEntry(record: Readonly<Record<string, unknown>>): JournalEntry {
  const level = typeof record.level === "number" ? record.level : 30;
  const fields: Record<string, string> = { SYSLOG_IDENTIFIER: "opencode-supervisor" };
  for (const [key, value] of Object.entries(record)) {
    if (DROPPED.has(key) || value === undefined || value === null) continue;
    if (key === "kind" && isKind(value)) fields.MESSAGE_ID = EVENTS[value].id;
    else
      fields[`OPENCODE_${key.toUpperCase()}`] = withoutNul(typeof value === "string" ? value : JSON.stringify(value));
  }
  const priority = PRIORITIES.find(([reached]) => level >= reached)?.[1] ?? 6;
  return { priority, message: withoutNul(String(record.msg ?? "")), fields };
}
