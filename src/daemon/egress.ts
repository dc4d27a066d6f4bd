/**
 * Egress policy as the rest of the daemon sees it: put one, remove one, each true only when read back from the kernel; kept
 * in force from then on; and what it refused. The parts are in `egress/`.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { cgroupOf, type Gate, gateAt } from "../netpolicy/names.ts";
import { type Policy, policyHash } from "../netpolicy/policy.ts";
import { PARENT_SLICE, parseUnit, SUPERVISOR_UNIT } from "../spec/names.ts";
import { ownAddresses } from "./egress/addresses.ts";
import { egressReport } from "./egress/answers.ts";
import { observe } from "./egress/canary.ts";
import { Commits, EgressError } from "./egress/commits.ts";
import { Guard, type Repair } from "./egress/guard.ts";
import { Ledger, type Reading } from "./egress/ledger.ts";
import type { EgressReport } from "./egress/model.ts";
import { RefusedWatch } from "./egress/refused-watch.ts";
import { type Report, Reporter } from "./egress/report.ts";
import { type Netfilter, NetfilterError } from "./netfilter/port.ts";
import type { Systemd, SystemdEvent } from "./systemd/port.ts";

export { EgressError };

export interface EgressEvents {
  repaired(repair: Repair): void;
  /** Something was refused. */
  refused(report: Report): void;
  /** A policy was committed and read back, and yet the canary did not come through it. */
  unobserved(name: string): void;
}

const CGROUPS = "/sys/fs/cgroup";
/** Instances that are put or start together are observed together. */
const OBSERVE_AFTER_MS = 200;

export class Egress {
  readonly #netfilter: Netfilter;
  readonly #systemd: Systemd;
  readonly #events: EgressEvents;
  readonly #commits: Commits;
  readonly #guard: Guard;
  readonly #ledger = new Ledger();
  readonly #reporter = new Reporter(ownAddresses);
  readonly #watch: RefusedWatch;
  /** Instances that ran without a policy when the daemon came, until they have one. */
  readonly #bare = new Set<string>();
  /** What is to be in force. */
  readonly #policies = new Map<string, Policy>();
  /** When a canary last came through the policy that is in force, milliseconds since the epoch. */
  readonly #observed = new Map<string, number>();
  readonly #toObserve = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #repairs: Repair[] = [];
  #isListening = false;
  #began = 0;
  #opening: Promise<ReadonlyMap<string, string>> | null = null;
  #gate: (Gate & { readonly id: bigint }) | null = null;
  #why: string | null = "no instance needs it yet";
  #opened: (installed: ReadonlyMap<string, string>) => void = () => undefined;

  constructor(netfilter: Netfilter, systemd: Systemd, events: EgressEvents) {
    this.#netfilter = netfilter;
    this.#systemd = systemd;
    this.#events = events;
    const verify = (policies: readonly Policy[]) => this.#inForce(policies);
    this.#commits = new Commits({ netfilter, verify, adopt: () => this.open() });
    this.#guard = new Guard({
      policies: () => this.#placed(),
      verify,
      remake: () => this.#open(true),
      put: (policy) => this.#commits.put(policy),
      repaired: (repair) => this.#repaired(repair),
    });
    this.#watch = new RefusedWatch(netfilter, this.#ledger, (...heard) => this.#read(...heard));
    systemd.onEvent((event) => void this.#heard(event).catch(() => this.#guard.touched(null)));
  }

  /** Why there is no table of ours in the kernel; null when there is. */
  get missing(): string | null {
    return this.#why;
  }

  /** What was put right since the daemon started, the last one last. */
  get repairs(): readonly Repair[] {
    return this.#repairs;
  }

  /** What an instance was refused; null for one that has no policy in force. */
  report(name: string): EgressReport | null {
    const policy = this.#policies.get(name);
    if (policy === undefined) return null;
    return egressReport(policy, this.#ledger.account(name), this.#observed.get(name) ?? null, ownAddresses());
  }

  reports(): EgressReport[] {
    return [...this.#policies.keys()].sort().flatMap((name) => this.report(name) ?? []);
  }

  /** When its policy was last observed at work, milliseconds since the epoch; null when it was not since it was put. */
  observedAt(name: string): number | null {
    return this.#observed.get(name) ?? null;
  }

  /**
   * Told each time the table is taken over or made, with what is installed in it: what is not has to be put again. What is
   * kept in force counts as installed, as it is put back by itself.
   */
  onOpen(listener: (installed: ReadonlyMap<string, string>) => void): void {
    this.#opened = listener;
  }

  /** Make `opencode.slice` active and take over (or make) the table; policies installed before, by instance. */
  open(): Promise<ReadonlyMap<string, string>> {
    this.#opening ??= this.#open(false).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #open(remake: boolean): Promise<ReadonlyMap<string, string>> {
    try {
      if ((await this.#cgroupIdOf(PARENT_SLICE)).id === 0n) await this.#systemd.start(PARENT_SLICE);
      const gate = await this.#findGate();
      const installed = await this.#netfilter.adopt(gate, { remake });
      this.#gate = gate;
      this.#why = null;
      if (!this.#isListening) await this.#begin(gate, installed);
      const kept = [...this.#policies.values()];
      if (kept.some(({ name }) => !installed.has(name))) this.#guard.touched(null);
      this.#opened(new Map([...installed, ...kept.map((policy) => [policy.name, policyHash(policy)] as const)]));
      return installed;
    } catch (error) {
      this.#gate = null;
      this.#why = error instanceof Error ? error.message : String(error);
      throw error instanceof NetfilterError
        ? error
        : new EgressError(`no egress table: ${this.#why}`, { cause: error });
    }
  }

  async #begin(gate: Gate, installed: ReadonlyMap<string, string>): Promise<void> {
    for (const name of await populated(gate)) if (!installed.has(name)) this.#bare.add(name);
    this.#isListening = true;
    this.#began = performance.now();
    this.#netfilter.listen({
      touched: (by) => this.#guard.touched(by),
      refused: () => void this.#watch.told().catch(() => undefined),
    });
    this.#guard.start();
    void this.#watch.told().catch(() => undefined);
  }

  /** Take the table away; nothing of ours is left in the kernel. */
  async destroy(): Promise<void> {
    this.#policies.clear();
    await this.#netfilter.destroy();
    this.#gate = null;
    this.#why = "no instance needs it";
  }

  close(): void {
    this.#guard.close();
    this.#watch.close();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /**
   * Of these policies, those that are in force: chain with this hash, live entry for this slice. They are kept so from now
   * on, and put once more unless nobody has touched the rules: while the table had no owner, some may have been added.
   */
  async verify(policies: readonly Policy[]): Promise<ReadonlyMap<string, boolean>> {
    const inForce = await this.#inForce(policies);
    const kept = policies.filter(({ name }) => inForce.get(name) === true);
    const again = this.#netfilter.isAsLeft() ? [] : kept;
    const put = await Promise.allSettled(again.map((policy) => this.#commits.put(policy)));
    for (const policy of kept) this.#keep(policy);
    const failed = again
      .filter((_, index) => put[index]?.status === "rejected")
      .map(({ name }) => [name, false] as const);
    return new Map([...inForce, ...failed]);
  }

  async #inForce(policies: readonly Policy[]): Promise<ReadonlyMap<string, boolean>> {
    const gate = this.#gate;
    if (gate === null) return new Map();
    const wanted = policies.map(async (policy) => ({
      name: policy.name,
      hash: policyHash(policy),
      cgroupId: await cgroupId(cgroupOf(gate, policy.name)),
    }));
    return this.#netfilter.inForce(await Promise.all(wanted));
  }

  /** Commit and read back. False when there is no table and the policy asks for none of its protection; else throws. */
  async put(policy: Policy): Promise<boolean> {
    try {
      await this.#ensureGate();
    } catch (error) {
      if (policy.isolation === null) return false;
      throw error;
    }
    await this.#commits.put(policy);
    this.#keep(policy);
    if (this.#bare.delete(policy.name)) {
      this.#repaired({
        by: WHILE_AWAY,
        lost: [policy.name],
        failed: [],
        took: Math.round(performance.now() - this.#began),
        at: Date.now(),
      });
    }
    return true;
  }

  async remove(name: string): Promise<void> {
    this.#policies.delete(name);
    this.#observed.delete(name);
    this.#ledger.forget(name);
    this.#reporter.forget(name);
    if (this.#gate !== null) await this.#commits.remove(name);
  }

  #keep(policy: Policy): void {
    this.#policies.set(policy.name, policy);
    this.#observed.delete(policy.name);
    this.#observeSoon(policy.name);
  }

  /** The gate stores the slice's cgroup id: a slice made anew needs the table adopted anew. */
  async #ensureGate(): Promise<void> {
    if (await this.#isGateCurrent()) return;
    await this.open();
  }

  async #isGateCurrent(): Promise<boolean> {
    return this.#gate !== null && (await cgroupId(this.#gate.cgroup)) === this.#gate.id;
  }

  /** What is to be in force of instances that have a slice: where there is none, there is nobody to keep back. */
  async #placed(): Promise<readonly Policy[]> {
    const gate = this.#gate;
    const policies = [...this.#policies.values()];
    if (gate === null) return policies;
    const ids = await Promise.all(policies.map(({ name }) => cgroupId(cgroupOf(gate, name))));
    return policies.filter((_, index) => ids[index] !== 0n);
  }

  /** Below the root of cgroupfs, without the first slash; "" and 0n for a unit that has no cgroup. */
  async #cgroupIdOf(unit: string): Promise<{ readonly cgroup: string; readonly id: bigint }> {
    const cgroup = (await this.#systemd.controlGroup(unit)).replace(/^\//, "");
    return { cgroup, id: cgroup === "" ? 0n : await cgroupId(cgroup) };
  }

  async #findGate(): Promise<Gate & { readonly id: bigint }> {
    const { cgroup, id } = await this.#cgroupIdOf(PARENT_SLICE);
    if (id === 0n) throw new EgressError(`${PARENT_SLICE} has no cgroup`);
    return { ...gateAt(cgroup, await this.#ownCgroup()), id };
  }

  /** Where the supervisor runs; null when that is not a service of its own. */
  async #ownCgroup(): Promise<string | null> {
    const { cgroup, id } = await this.#cgroupIdOf(SUPERVISOR_UNIT);
    return id === 0n ? null : cgroup;
  }

  /** A slice that became active may be another one than the rules know; a server that started can be observed. */
  async #heard(event: SystemdEvent): Promise<void> {
    if (event.kind !== "unit" || event.record.active !== "active") return;
    const { unit } = event.record;
    if (unit === PARENT_SLICE) {
      if (this.#policies.size > 0 && !(await this.#isGateCurrent())) this.#guard.touched(`${unit} was made anew`);
      return;
    }
    const parsed = parseUnit(unit);
    const policy = this.#policies.get(parsed?.name ?? "");
    if (policy === undefined || parsed === null) return;
    if (parsed.role === "main" && !this.#observed.has(policy.name)) this.#observeSoon(policy.name);
    if (parsed.role === "slice" && (await this.#inForce([policy])).get(policy.name) === false) {
      this.#guard.touched(`${unit} was made anew`);
    }
  }

  #repaired(repair: Repair): void {
    this.#repairs = [...this.#repairs, repair].slice(-REPAIRS_MOST);
    this.#events.repaired(repair);
    this.#observed.clear();
    for (const name of this.#policies.keys()) this.#observeSoon(name);
  }

  #later(work: () => void, milliseconds: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    timer.unref();
    this.#timers.add(timer);
  }

  #observeSoon(name: string): void {
    if (this.#toObserve.size === 0) this.#later(() => void this.#observe().catch(() => undefined), OBSERVE_AFTER_MS);
    this.#toObserve.add(name);
  }

  async #observe(): Promise<void> {
    const names = [...this.#toObserve];
    this.#toObserve.clear();
    const policies = new Map(names.map((name) => [name, this.#policies.get(name)]));
    const arrived = await observe({ netfilter: this.#netfilter, systemd: this.#systemd }, names);
    for (const [name, has] of arrived) {
      if (policies.get(name) !== this.#policies.get(name)) continue; // it was put anew meanwhile, and will be observed again
      if (has) this.#observed.set(name, Date.now());
      else this.#events.unobserved(name);
    }
  }

  #read(name: string, reading: Reading, isFirst: boolean): void {
    const policy = this.#policies.get(name);
    if (policy === undefined) return;
    const now = Date.now();
    for (const report of this.#reporter.take(policy, reading, now, isFirst)) this.#events.refused(report);
    this.#summariseLater(now);
  }

  /** When the next summary is set for. */
  #summaryAt = Number.POSITIVE_INFINITY;
  #summariseLater(now: number): void {
    const { next } = this.#reporter;
    if (next === null || next >= this.#summaryAt) return;
    this.#summaryAt = next;
    this.#later(() => this.#summarise(next), Math.max(0, next - now));
  }

  #summarise(at: number): void {
    if (at !== this.#summaryAt) return; // an earlier one took its place
    this.#summaryAt = Number.POSITIVE_INFINITY;
    const now = Date.now();
    const reports = [...this.#policies.values()].flatMap((policy) => this.#reporter.due(policy, now));
    for (const report of reports) this.#events.refused(report);
    this.#summariseLater(now);
  }
}

const REPAIRS_MOST = 100;
const WHILE_AWAY = "somebody while the supervisor was away";

/** Instances in whose slice something runs. */
async function populated({ cgroup }: Gate): Promise<string[]> {
  const slices = await readdir(`${CGROUPS}/${cgroup}`).catch(() => []);
  const found = slices.map(async (slice) => {
    const events = await readFile(`${CGROUPS}/${cgroup}/${slice}/cgroup.events`, "utf8").catch(() => "");
    const name = /^populated 1$/m.test(events) ? parseUnit(slice)?.name : undefined;
    return name === undefined ? [] : [name];
  });
  return (await Promise.all(found)).flat();
}

/** A cgroup's id is its inode number (cgroups(7), `cgroup.id`); 0n when it is not there. */
async function cgroupId(cgroup: string): Promise<bigint> {
  const found = await stat(`${CGROUPS}/${cgroup}`, { bigint: true }).catch(() => null);
  return found?.ino ?? 0n;
}
