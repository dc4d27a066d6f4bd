/** What of an instance is network policy. */
import { createHash } from "node:crypto";
import type { InstanceSpec } from "../spec/schema.ts";
import { type Networks, normalise } from "./cidr.ts";

/** Raised when the text made from the same policy changes, so that a newer supervisor replaces what an older one wrote. */
export const LAYOUT = 1;

export interface Isolation {
  /** `audit` records what `enforce` would refuse, and lets it pass. */
  readonly mode: "enforce" | "audit";
  readonly allow: Networks;
  /** Resolvers, reachable on port 53 over TCP and UDP even when they are on loopback. */
  readonly dns: Networks;
  /** TCP and UDP ports on this host, whoever listens there. */
  readonly loopbackPorts: readonly number[];
  readonly logging: { readonly ratePerMinute: number; readonly burst: number };
}

/** One instance's policy; without isolation it may reach everything, but is registered all the same. */
export interface Policy {
  readonly name: string;
  readonly isolation: Isolation | null;
}

/** The policy of an instance; the order and overlaps in its lists make no difference. */
export function policyOf(spec: Pick<InstanceSpec, "name" | "networkIsolation">): Policy {
  const { enable, mode, outboundAllowCidrs, dns, allowLoopbackPorts, logging } = spec.networkIsolation;
  if (!enable) return { name: spec.name, isolation: null };
  return {
    name: spec.name,
    isolation: {
      mode,
      allow: normalise(outboundAllowCidrs),
      dns: normalise(dns),
      loopbackPorts: [...new Set(allowLoopbackPorts)].sort((a, b) => a - b),
      logging: { ratePerMinute: logging.ratePerMinute, burst: logging.burst },
    },
  };
}

/** Hex SHA-256 over the policy and the layout of its text; kept in the kernel as a comment (see `instance.ts`). */
export const policyHash = (policy: Policy): string =>
  createHash("sha256")
    .update(JSON.stringify([LAYOUT, policy]))
    .digest("hex");
