/**
 * "In force" is observed: an instance's init sends a datagram from inside its cgroup (`packages/sandbox-init`), and the
 * table counts it by sender where it arrives (`CANARY` in `src/netpolicy/names.ts`). It has then been through the gate, the
 * entry of its slice, the instance's chain, and the mark that loopback is judged by.
 */
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { mainUnit } from "../../spec/names.ts";
import type { Netfilter } from "../netfilter/port.ts";
import type { Systemd } from "../systemd/port.ts";

export interface CanaryPorts {
  readonly netfilter: Pick<Netfilter, "canaries">;
  readonly systemd: Pick<Systemd, "kill" | "record">;
}

/** Until the first look, then twice as long each time: to look is to list everybody's. */
const FIRST_MS = 50;
const WITHIN_MS = 2000;

/**
 * Has each instance that runs send one. Answers which arrived; instances that do not run are not among them.
 * @param before what had arrived of each when it was last counted
 */
export async function observe(
  ports: CanaryPorts,
  names: readonly string[],
  before: ReadonlyMap<string, bigint>,
): Promise<ReadonlyMap<string, boolean>> {
  const asked = await Promise.all(names.map(async (name) => ((await ask(ports, name)) ? name : null)));
  const waiting = new Set(asked.filter((name) => name !== null));
  const arrived = new Map([...waiting].map((name) => [name, false]));
  const deadline = Date.now() + WITHIN_MS;
  for (let wait = FIRST_MS; waiting.size > 0 && Date.now() < deadline; wait *= 2) {
    await delay(wait);
    const now = await ports.netfilter.canaries();
    for (const name of waiting) {
      if (!cameSince(before, now, name)) continue;
      arrived.set(name, true);
      waiting.delete(name);
    }
  }
  return arrived;
}

/** Whether one of this instance's arrived between the two counts. */
export const cameSince = (
  before: ReadonlyMap<string, bigint>,
  now: ReadonlyMap<string, bigint>,
  name: string,
): boolean => (now.get(name) ?? 0n) > (before.get(name) ?? 0n);

/** False when there is nobody to ask. A server without the init ignores the signal, as it does by default. */
async function ask({ systemd }: CanaryPorts, name: string): Promise<boolean> {
  if (systemd.record(mainUnit(name))?.active !== "active") return false;
  return systemd.kill(mainUnit(name), constants.signals.SIGURG).then(
    () => true,
    () => false,
  );
}
