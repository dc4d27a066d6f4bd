/** What the API answers about events. The daemon itself needs only the types: see `../api/model.ts`. */
import { type Static, Type } from "typebox";

export const SupervisorEvent = Type.Object({
  id: Type.String({ description: "for Last-Event-ID" }),
  at: Type.String({ description: "ISO 8601, UTC" }),
  kind: Type.String({ description: "see docs/reference/events.md" }),
  severity: Type.String({ description: "info, warning or error" }),
  instance: Type.Union([Type.String(), Type.Null()]),
  message: Type.String(),
  fields: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
    description: "what the kind has, the same as OPENCODE_<FIELD>= in the journal",
  }),
});
export type SupervisorEvent = Static<typeof SupervisorEvent>;

export const EventList = Type.Object({
  events: Type.Array(SupervisorEvent, { description: "the last ones of this run of the supervisor, the oldest first" }),
});
export type EventList = Static<typeof EventList>;
