/** What the page asks for and gets, by path below `api/`. Shapes only: the page has the types, the server makes them. */
import { type Static, Type } from "typebox";
import type { InstanceDetail, InstanceList, LogPage, Status } from "../daemon/api/model.ts";
import { EgressReport, RefusedDestination } from "../daemon/egress/model.ts";
import type { EventList } from "../daemon/events/model.ts";

export const BlockedDestination = Type.Object({
  ...RefusedDestination.properties,
  text: Type.String({ description: "203.0.113.7:443/tcp" }),
  lines: Type.Union([Type.Object({ nix: Type.String(), json: Type.String() }), Type.Null()]),
});
export type BlockedDestination = Static<typeof BlockedDestination>;

export const BlockedReport = Type.Object({
  ...EgressReport.properties,
  destinations: Type.Array(BlockedDestination),
});
export type BlockedReport = Static<typeof BlockedReport>;
export interface BlockedReports {
  readonly instances: readonly BlockedReport[];
}

export type Usage = InstanceDetail["usage"];

/** What all instances use now. `at`: milliseconds of a clock that only goes forward. */
export interface UsageList {
  readonly at: number;
  readonly instances: Readonly<Record<string, Usage>>;
}

/** Which host this is: behind `ssh -L` all of them are 127.0.0.1. */
export interface About {
  readonly host: string;
}

export interface Answers {
  readonly about: About;
  readonly status: Status;
  readonly instances: InstanceList;
  readonly instance: InstanceDetail;
  readonly logs: LogPage;
  readonly events: EventList;
  readonly blocked: BlockedReports;
  readonly "instance's blocked": BlockedReport;
  readonly usage: UsageList;
}
