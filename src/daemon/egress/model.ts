/** What the API answers about egress. The daemon itself needs only the types: see `../api/model.ts`. */
import { type Static, Type } from "typebox";

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(inner: T) => Type.Union([inner, Type.Null()]);
const Time = Type.String({ description: "ISO 8601, UTC" });

export const RefusedDestination = Type.Object({
  address: Type.String(),
  protocol: Type.String({ description: "tcp, udp, icmp, icmpv6, or its number" }),
  protocolNumber: Type.Integer(),
  port: Type.Integer({ description: "of ICMP: type and code, a byte each" }),
  packets: Type.Integer(),
  first: Time,
  last: Time,
  muted: Type.Boolean({ description: "networkIsolation.logging.mute names it" }),
  allow: nullable(
    Type.Object(
      { option: Type.String(), value: Type.Union([Type.String(), Type.Integer()]) },
      {
        description:
          "the list of networkIsolation, and the entry, that would allow it; null when none would, or it is allowed by now",
      },
    ),
  ),
});
export type RefusedDestination = Static<typeof RefusedDestination>;

export const EgressReport = Type.Object({
  name: Type.String(),
  mode: Type.String({ description: "none, enforce or audit" }),
  observed: nullable(Type.String({ description: "when a packet from inside last came through the policy in force" })),
  total: Type.Integer({ description: "packets refused since the instance was made" }),
  further: Type.Integer({ description: "of these, to destinations that are not listed: too many, or too long ago" }),
  destinations: Type.Array(RefusedDestination),
});
export type EgressReport = Static<typeof EgressReport>;

export const EgressState = Type.Object({
  table: Type.Boolean(),
  why: nullable(Type.String()),
  repairs: Type.Array(
    Type.Object({
      at: Time,
      by: Type.String(),
      lost: Type.Array(Type.String()),
      failed: Type.Array(Type.String()),
      tookMs: Type.Integer(),
    }),
    { description: "what was put right since the daemon started, the last one last" },
  ),
});
export type EgressState = Static<typeof EgressState>;

export const EgressReports = Type.Object({ instances: Type.Array(EgressReport) });
export type EgressReports = Static<typeof EgressReports>;
