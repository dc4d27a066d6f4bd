/** What the page knows. */
import type { InstanceStatus, Status } from "../../daemon/api/model.ts";
import type { SupervisorEvent } from "../../daemon/events/model.ts";
import type { BlockedReport } from "../model.ts";
import type { Sample } from "./usage.ts";

/**
 * - `connecting`: at first
 * - `live`: events come
 * - `away`: the daemon cannot be asked; what is shown is how it was
 * - `ended`: the dashboard's own process cannot be reached
 */
export type Link = "connecting" | "live" | "away" | "ended";

export interface Model {
  readonly host: string;
  readonly link: Link;
  /** Why it is away. */
  readonly why: string;
  readonly status: Status | null;
  /** Null until they were read once. */
  readonly instances: readonly InstanceStatus[] | null;
  readonly blocked: readonly BlockedReport[] | null;
  /** The oldest first. */
  readonly events: readonly SupervisorEvent[];
  readonly usage: ReadonlyMap<string, readonly Sample[]>;
}
