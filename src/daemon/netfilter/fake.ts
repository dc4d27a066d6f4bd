/** {@link Netfilter} in memory: the same refusals as the kernel, and whatever else a test asks for. */
import type { InstalledMap } from "../../netpolicy/change.ts";
import { transaction } from "../../netpolicy/change.ts";
import { cgroupOf, type Gate } from "../../netpolicy/names.ts";
import {
  type Change,
  type Destination,
  type Features,
  type Netfilter,
  NetfilterError,
  type NetfilterListener,
  type Wanted,
} from "./port.ts";

interface Table {
  gate: Gate;
  gateId: bigint;
  installed: InstalledMap;
  ids: ReadonlyMap<string, bigint>;
}

export class FakeNetfilter implements Netfilter {
  readonly features: Features;
  /** The cgroups that exist: path to id. Tests add, change and delete them. */
  readonly cgroups: Map<string, bigint>;
  /** Every change that was committed, in order. */
  readonly commits: Change[] = [];
  /** Set it to make changes fail: what it returns is thrown. */
  refuse: (change: Change) => NetfilterError | null = () => null;
  /** What the kernel holds; outlives {@link close}, as the real table does. Null: there is no table. */
  #table: Table | null = null;
  #adopted = false;

  constructor(
    cgroups: Iterable<readonly [path: string, id: bigint]> = [],
    features: Features = { persist: true, tells: true },
  ) {
    this.cgroups = new Map(cgroups);
    this.features = features;
  }

  /** What instances were refused; tests fill it, and say so by {@link tell}. */
  readonly drops = new Map<string, { total: bigint; destinations: readonly Destination[] }>();
  /** Canaries that arrived; tests count. */
  readonly arrived = new Map<string, bigint>();
  #listener: NetfilterListener | null = null;

  /** As if somebody had deleted the table; heard of when there is a name. */
  lose(by: string | null = null): void {
    this.#table = null;
    if (by !== null) this.#listener?.touched(by);
  }

  /** As if the kernel had refused something. */
  tell(): void {
    this.#listener?.refused();
  }

  /** Of an earlier process it knows nothing. */
  isAsLeft(): boolean {
    return false;
  }

  async refused(): Promise<ReadonlyMap<string, bigint>> {
    return new Map([...this.drops].map(([name, { total }]) => [name, total]));
  }

  async destinations(name: string): Promise<readonly Destination[]> {
    return this.drops.get(name)?.destinations ?? [];
  }

  async canaries(): Promise<ReadonlyMap<string, bigint>> {
    return new Map(this.arrived);
  }

  listen(listener: NetfilterListener): void {
    this.#listener = listener;
  }

  async adopt(gate: Gate): Promise<ReadonlyMap<string, string>> {
    const gateId = this.cgroups.get(gate.cgroup);
    if (gateId === undefined) throw new NetfilterError("gate-missing", `there is no cgroup ${gate.cgroup}`);
    this.#table = { installed: new Map(), ids: new Map(), ...this.#table, gate, gateId };
    this.#adopted = true;
    return new Map([...this.#table.installed].map(([name, { hash }]) => [name, hash]));
  }

  async commit(change: Change): Promise<void> {
    if (change.put.length === 0 && change.remove.length === 0) return;
    const table = this.#table;
    if (!this.#adopted || table === null || this.cgroups.get(table.gate.cgroup) !== table.gateId) {
      throw new NetfilterError("not-adopted", "the table is not ours");
    }
    const idOf = (name: string) => this.cgroups.get(cgroupOf(table.gate, name));
    const missing = change.put.find(({ name }) => idOf(name) === undefined);
    const refusal =
      missing === undefined
        ? this.refuse(change)
        : new NetfilterError("slice-missing", "its slice has no cgroup", missing.name);
    if (refusal !== null) throw refusal;
    const never = { exists: () => true, stale: () => false };
    const { installed } = transaction(table.gate, table.installed, change, never);
    const put = new Set(change.put.map(({ name }) => name));
    const ids = [...installed.keys()].map((name) => [name, put.has(name) ? idOf(name) : table.ids.get(name)] as const);
    table.installed = installed;
    table.ids = new Map(ids.flatMap(([name, id]) => (id === undefined ? [] : [[name, id] as const])));
    this.commits.push(change);
  }

  async inForce(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, boolean>> {
    const table = this.#adopted ? this.#table : null;
    const stands = table !== null && this.cgroups.get(table.gate.cgroup) === table.gateId;
    return new Map(
      wanted.map(({ name, hash, cgroupId }) => [
        name,
        stands && table.installed.get(name)?.hash === hash && table.ids.get(name) === cgroupId,
      ]),
    );
  }

  entryOf(name: string): bigint | null {
    return (this.#adopted ? this.#table?.ids.get(name) : null) ?? null;
  }

  async destroy(): Promise<void> {
    this.#table = null;
    this.#adopted = false;
  }

  close(): void {
    this.#adopted = false;
  }
}
