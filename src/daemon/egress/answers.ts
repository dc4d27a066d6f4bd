/** How what the API answers about egress is filled in. Pure. */
import type { Policy } from "../../netpolicy/policy.ts";
import { allowance, isAllowed, protocolName } from "../../netpolicy/suggest.ts";
import type { Repair } from "./guard.ts";
import type { Account, Refused } from "./ledger.ts";
import type { EgressReport, EgressState, RefusedDestination } from "./model.ts";
import { mutedBy } from "./report.ts";

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

const destination =
  (policy: Policy, own: ReadonlySet<string>, isMuted: (address: string) => boolean) =>
  (refused: Refused): RefusedDestination => ({
    address: refused.address,
    protocol: protocolName(refused.protocol),
    protocolNumber: refused.protocol,
    port: refused.port,
    packets: refused.packets,
    first: iso(refused.first),
    last: iso(refused.last),
    muted: isMuted(refused.address),
    allow: isAllowed(policy, refused, own) ? null : allowance(refused, own),
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
    destinations: account.destinations.map(destination(policy, own, mutedBy(policy))),
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
