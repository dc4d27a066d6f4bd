import { defaultStateDir, defaultUser } from "./names.ts";
import type { InstanceInput, InstanceSpec } from "./schema.ts";

/** Names an instance and fills in what follows from its name, and from the host: `resolvers` are those it is configured to ask. */
export function resolve(name: string, input: InstanceInput, resolvers: readonly string[]): InstanceSpec {
  const user = input.user ?? defaultUser(name);
  return {
    ...input,
    name,
    user,
    group: input.group ?? user,
    stateDir: input.stateDir ?? defaultStateDir(name),
    networkIsolation: { ...input.networkIsolation, dns: input.networkIsolation.dns ?? resolvers },
    ownUser: user === defaultUser(name),
  };
}
