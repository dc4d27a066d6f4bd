/** Policies for tests. */
import type { Isolation, Policy } from "./policy.ts";

export const isolation = (over: Partial<Isolation> = {}): Isolation => ({
  mode: "enforce",
  allow: { v4: [], v6: [] },
  dns: { v4: [], v6: [] },
  loopbackPorts: [],
  logging: { ratePerMinute: 5, burst: 5 },
  ...over,
});

export const isolated = (name: string, over: Partial<Isolation> = {}): Policy => ({ name, isolation: isolation(over) });
export const open = (name: string): Policy => ({ name, isolation: null });
