/** What the API answers about egress: the shapes, and how they are filled. Pure. */
import { type Static, Type } from "typebox";
import type { Policy } from "../../netpolicy/policy.ts";
import { allowance, protocolName } from "../../netpolicy/suggest.ts";
import type { Repair } from "./guard.ts";
import type { Account, Refused } from "./ledger.ts";
import { mutedBy } from "./report.ts";

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
      { description: "the list of networkIsolation, and the entry, that would allow it" },
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

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

const destination =
  (own: ReadonlySet<string>, isMuted: (address: string) => boolean) =>
  (refused: Refused): RefusedDestination => ({
    address: refused.address,
    protocol: protocolName(refused.protocol),
    protocolNumber: refused.protocol,
    port: refused.port,
    packets: refused.packets,
    first: iso(refused.first),
    last: iso(refused.last),
    muted: isMuted(refused.address),
    allow: allowance(refused, own),
  });

export function egressReport(
  policy: Policy,
  account: Account,
  observed: number | null,
  own: ReadonlySet<string>,
): EgressReport {
  return {
    name: policy.name,
    mode: policy.isolation?.mode ?? "none",
    observed: observed === null ? null : iso(observed),
    total: account.total,
    further: account.further,
    destinations: account.destinations.map(destination(own, mutedBy(policy))),
  };
}

export const egressState = (missing: string | null, repairs: readonly Repair[]): EgressState => ({
  table: missing === null,
  why: missing,
  repairs: repairs.map(({ at, by, lost, failed, took }) => ({
    at: iso(at),
    by,
    lost: [...lost],
    failed: [...failed],
    tookMs: took,
  })),
});
