/** What of an instance is network policy. */
import { createHash } from "node:crypto";
import { canonical } from "../spec/address.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { type Networks, normalise } from "./cidr.ts";

/** Raised when the text made from the same policy changes, so that a newer supervisor replaces what an older one wrote. */
export const LAYOUT = 12;

export interface Isolation {
  /** `audit` records what `enforce` would refuse, and lets it pass. */
  readonly mode: "enforce" | "audit";
  readonly allow: Networks;
  /** Resolvers, reachable on port 53 over TCP and UDP even when they are on loopback; nothing else is on that port. */
  readonly dns: Networks;
}

/** Where others may connect to. */
export interface Inbound {
  /** Canonical; `0.0.0.0` and `::` are every address. */
  readonly address: string;
  /** TCP, the server's own first. */
  readonly ports: readonly number[];
  /** Clients beyond this host; null is anybody. */
  readonly from: Networks | null;
}

export interface Logging {
  readonly ratePerMinute: number;
  readonly burst: number;
  readonly summarySeconds: number;
  /** Refused and counted, not logged. */
  readonly mute: Networks;
}

/** One instance's policy; without isolation it may reach everything but other instances and the supervisor. */
export interface Policy {
  readonly name: string;
  readonly listen: Inbound;
  /** TCP and UDP ports on this host that it may reach, whoever listens there. */
  readonly loopbackPorts: readonly number[];
  /** Most flows in the host's connection table that it has opened; one more is refused, in audit mode too. */
  readonly connectionsMax: number;
  /** Of what is refused. */
  readonly logging: Logging;
  readonly isolation: Isolation | null;
}

type Networked = Pick<InstanceSpec, "name" | "listen" | "networkIsolation">;

const sorted = (ports: readonly number[]): number[] => [...new Set(ports)].sort((a, b) => a - b);

/** The policy of an instance; the order and overlaps in its lists make no difference. */
export function policyOf(spec: Networked): Policy {
  const { enable, mode, outboundAllowCidrs, dns, allowLoopbackPorts, connectionsMax, logging } = spec.networkIsolation;
  const { address, port, extraPorts, allowFrom } = spec.listen;
  return {
    name: spec.name,
    listen: {
      address: canonical(address),
      ports: [port, ...sorted(extraPorts)],
      from: allowFrom.length === 0 ? null : normalise(allowFrom),
    },
    loopbackPorts: sorted(allowLoopbackPorts),
    connectionsMax,
    logging: { ...logging, mute: normalise(logging.mute) },
    isolation: enable ? { mode, allow: normalise(outboundAllowCidrs), dns: normalise(dns) } : null,
  };
}

/** Hex SHA-256 over the policy and the layout of its text; kept in the kernel as a comment (see `instance.ts`). */
export const policyHash = (policy: Policy): string =>
  createHash("sha256")
    .update(JSON.stringify([LAYOUT, policy]))
    .digest("hex");
