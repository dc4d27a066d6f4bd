/** What happened to each instance, from the events: the states it went through, and its restarts. Pure. */
import type { SupervisorEvent } from "../../daemon/events/model.ts";

/** Times are milliseconds since the epoch. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly state: string;
}
export interface Mark {
  readonly at: number;
  readonly kind: "restart" | "failure" | "blocked";
  readonly message: string;
}
export interface Lane {
  readonly name: string;
  readonly segments: readonly Segment[];
  readonly marks: readonly Mark[];
  readonly restarts: number;
}

const BEGINS = new Set(["starting", "setting-up"]);
const FAILURES = new Set(["failed", "backing-off"]);

/** Which run of the supervisor an event is of: a new one tells the state of each instance that it finds. */
const runOf = ({ id }: SupervisorEvent): string => id.slice(0, id.lastIndexOf("-"));
const stateIn = ({ kind, fields }: SupervisorEvent): string | null => (kind === "state" ? String(fields.state) : null);

/** A lane for each instance that had an event of its own within `span` milliseconds before `now`, the liveliest first. */
export function lanesOf(events: readonly SupervisorEvent[], now: number, span: number): Lane[] {
  const since = now - span;
  const byInstance = Map.groupBy(
    events.filter(({ instance, kind }) => instance !== null && KINDS.has(kind)),
    ({ instance }) => instance ?? "",
  );
  return [...byInstance]
    .filter(([, own]) => own.some(({ at }) => Date.parse(at) >= since))
    .map(([name, own]) => laneOf(name, own, since, now))
    .sort((a, b) => b.restarts - a.restarts || b.marks.length - a.marks.length || (a.name < b.name ? -1 : 1));
}
const KINDS = new Set(["state", "blocked", "gone"]);

/** One instance's, its events the oldest first. */
export function laneOf(name: string, events: readonly SupervisorEvent[], since: number, now: number): Lane {
  const segments: Segment[] = [];
  const marks: Mark[] = [];
  events.forEach((event, index) => {
    const at = Date.parse(event.at);
    const next = events.slice(index + 1).find(({ kind }) => kind !== "blocked");
    const state = stateIn(event);
    const to = next === undefined ? now : Date.parse(next.at);
    if (state !== null && to > since) segments.push({ from: Math.max(at, since), to, state });
    const kind = markOf(
      event,
      events.slice(0, index).findLast(({ kind }) => kind === "state"),
    );
    if (kind !== null && at >= since) marks.push({ at, kind, message: event.message });
  });
  return { name, segments, marks, restarts: marks.filter(({ kind }) => kind === "restart").length };
}

/** A restart is a beginning after anything that was none, in the same run of the supervisor. */
function markOf(event: SupervisorEvent, before: SupervisorEvent | undefined): Mark["kind"] | null {
  if (event.kind === "blocked") return "blocked";
  const state = stateIn(event);
  if (state === null) return null;
  if (FAILURES.has(state)) return "failure";
  const isAgain = before !== undefined && runOf(before) === runOf(event) && !BEGINS.has(stateIn(before) ?? "");
  return BEGINS.has(state) && isAgain ? "restart" : null;
}
