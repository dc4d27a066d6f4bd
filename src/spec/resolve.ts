import { defaultStateDir, defaultUser } from "./names.ts";
import type { InstanceInput, InstanceSpec } from "./schema.ts";

/** Names an instance and fills in what follows from its name. */
export function resolve(name: string, input: InstanceInput): InstanceSpec {
  const user = input.user ?? defaultUser(name);
  return {
    ...input,
    name,
    user,
    group: input.group ?? user,
    stateDir: input.stateDir ?? defaultStateDir(name),
    ownUser: user === defaultUser(name),
  };
}
