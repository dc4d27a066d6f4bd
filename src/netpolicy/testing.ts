/** Policies for tests. */
import type { Isolation, Policy } from "./policy.ts";

/** The defaults of the instance file. */
export const LOGGING = { ratePerMinute: 5, burst: 5, summarySeconds: 60, mute: { v4: [], v6: [] } };

type Over = Partial<Isolation & Omit<Policy, "name" | "isolation">>;

/** An instance without isolation; it listens on loopback, port 8000. */
export const open = (name: string, over: Partial<Omit<Policy, "name" | "isolation">> = {}): Policy => ({
  name,
  listen: { address: "127.0.0.1", ports: [8000], from: null },
  loopbackPorts: [],
  connectionsMax: 4096,
  logging: LOGGING,
  isolation: null,
  ...over,
});

export function isolated(name: string, over: Over = {}): Policy {
  const { mode = "enforce", allow = { v4: [], v6: [] }, dns = { v4: [], v6: [] }, ...rest } = over;
  return { ...open(name, rest), isolation: { mode, allow, dns } };
}
