/** Which instances are listed, and in which order. Pure. */
import type { InstanceStatus } from "../../daemon/api/model.ts";
import { rank, shownState, type Tone } from "./states.ts";
import type { Sample } from "./usage.ts";

export type Column = "name" | "state" | "memory" | "cpu" | "restarts";
export interface Listing {
  readonly column: Column;
  readonly descending: boolean;
  /** Part of a name, a state or why it is so. */
  readonly text: string;
  readonly tone: Tone | null;
}

type Latest = (name: string) => Sample | undefined;
type Value = (instance: InstanceStatus, latest: Latest) => number;

const VALUES: Readonly<Record<Exclude<Column, "name">, Value>> = {
  state: ({ state }) => rank(state),
  memory: ({ name }, latest) => latest(name)?.memory ?? -1,
  cpu: ({ name }, latest) => latest(name)?.cpu ?? -1,
  restarts: ({ restarts }) => restarts,
};

/** Instances that are the same by the column stand by name. */
export function listed(
  instances: readonly InstanceStatus[],
  { column, descending, text, tone }: Listing,
  latest: Latest,
): InstanceStatus[] {
  const wanted = text.trim().toLowerCase();
  const direction = descending ? -1 : 1;
  const byName = (a: InstanceStatus, b: InstanceStatus): number => (a.name < b.name ? -1 : 1);
  const compare = (a: InstanceStatus, b: InstanceStatus): number => {
    if (column === "name") return direction * byName(a, b);
    const value = VALUES[column];
    return direction * (value(a, latest) - value(b, latest)) || byName(a, b);
  };
  return instances
    .filter(({ state }) => tone === null || shownState(state).tone === tone)
    .filter((instance) => wanted === "" || wordsOf(instance).includes(wanted))
    .sort(compare);
}

const wordsOf = ({ name, state, why }: InstanceStatus): string =>
  `${name} ${shownState(state).word} ${why ?? ""}`.toLowerCase();
