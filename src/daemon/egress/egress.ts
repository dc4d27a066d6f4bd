/**
 * Egress policy as the rest of the daemon sees it: put one, remove one, each true only when read back from the kernel; kept
 * in force from then on; and what it refused.
 */
import { type Policy, policyHash } from "../../netpolicy/policy.ts";
import { PARENT_SLICE, parseUnit, sliceUnit } from "../../spec/names.ts";
import { type Netfilter, NetfilterError } from "../netfilter/port.ts";
import { shared } from "../shared.ts";
import type { Systemd, SystemdEvent } from "../systemd/port.ts";
import { ownAddresses } from "./addresses.ts";
import { egressReport } from "./answers.ts";
import { Commits, EgressError } from "./commits.ts";
import { Guard, type Repair, type Repaired } from "./guard.ts";
import type { EgressReport } from "./model.ts";
import { Observations } from "./observations.ts";
import { type FoundGate, findGate, isCurrent, populated, sliceId } from "./places.ts";
import { Refusals } from "./refusals.ts";
import type { Report } from "./report.ts";

export { EgressError };

export interface EgressEvents {
  repaired(repair: Repair): void;
  /** Something was refused. */
  refused(report: Report): void;
  /** A policy was committed and read back, and yet the canary did not come through it. */
  unobserved(name: string): void;
}

export class Egress {
  readonly #netfilter: Netfilter;
  readonly #systemd: Systemd;
  readonly #events: EgressEvents;
  readonly #commits: Commits;
  readonly #guard: Guard;
  readonly #observations: Observations;
  readonly #refusals: Refusals;
  /** Instances that ran without a policy when the daemon came, until they have one. */
  readonly #bare = new Set<string>();
  /** What is to be in force. */
  readonly #policies = new Map<string, Policy>();
  /** Of instances whose slice became active since the last look. */
  readonly #active = new Set<Policy>();
  #repairs: Repaired[] = [];
  #isListening = false;
  #began = 0;
  #opening: Promise<ReadonlyMap<string, string>> | null = null;
  #gate: FoundGate | null = null;
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
      isGateCurrent: () => this.#isGateCurrent(),
      remake: () => this.#open(true),
      put: (policy) => this.#commits.put(policy),
      repaired: (repair) => this.#repaired(repair),
    });
    this.#observations = new Observations({ netfilter, systemd }, (name) => events.unobserved(name));
    this.#refusals = new Refusals({
      netfilter,
      policies: this.#policies,
      own: ownAddresses,
      refused: (report) => events.refused(report),
    });
    systemd.onEvent((event) => void this.#heard(event).catch(() => this.#guard.touched(null)));
  }

  /** Why there is no table of ours in the kernel; null when there is. */
  get missing(): string | null {
    return this.#why;
  }

  /** What was put right since the daemon started, the last one last. */
  get repairs(): readonly Repaired[] {
    return this.#repairs;
  }

  /** What an instance was refused; null for one that has no policy in force. */
  report(name: string): EgressReport | null {
    const policy = this.#policies.get(name);
    if (policy === undefined) return null;
    return egressReport(policy, this.#refusals.account(name), this.#observations.at(name), ownAddresses());
  }

  reports(): EgressReport[] {
    return [...this.#policies.keys()].sort().flatMap((name) => this.report(name) ?? []);
  }

  /** When its policy was last observed at work, milliseconds since the epoch; null when it was not since it was put. */
  observedAt(name: string): number | null {
    return this.#observations.at(name);
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
      const gate = await findGate(this.#systemd);
      if (gate === null) throw new EgressError(`${PARENT_SLICE} has no cgroup`);
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

  async #begin(gate: FoundGate, installed: ReadonlyMap<string, string>): Promise<void> {
    for (const name of await populated(gate)) if (!installed.has(name)) this.#bare.add(name);
    this.#began = performance.now();
    this.#netfilter.listen({
      touched: (by) => this.#guard.touched(by),
      refused: () => this.#refusals.told(),
    });
    this.#isListening = true;
    this.#guard.start();
    this.#refusals.told();
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
    this.#observations.close();
    this.#refusals.close();
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
    const wanted = policies.map((policy) => ({
      name: policy.name,
      hash: policyHash(policy),
      cgroupId: sliceId(gate, policy.name),
    }));
    return this.#netfilter.inForce(wanted);
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
    this.#observations.forget(name);
    this.#refusals.forget(name);
    if (this.#gate !== null) await this.#commits.remove(name);
  }

  #keep(policy: Policy): void {
    this.#policies.set(policy.name, policy);
    this.#refusals.kept(policy);
    this.#observations.again(policy.name);
  }

  /** The gate stores the slice's cgroup id: a slice made anew needs the table adopted anew. */
  async #ensureGate(): Promise<void> {
    if (!this.#isGateCurrent()) await this.open();
  }

  #isGateCurrent(): boolean {
    return this.#gate !== null && isCurrent(this.#gate);
  }

  /** What is to be in force of instances that have a slice: where there is none, there is nobody to keep back. */
  #placed(): readonly Policy[] {
    const gate = this.#gate;
    const policies = [...this.#policies.values()];
    if (gate === null) return policies;
    return policies.filter(({ name }) => sliceId(gate, name) !== 0n);
  }

  /** A slice that became active may be another one than the rules know; a server that started can be observed. */
  async #heard(event: SystemdEvent): Promise<void> {
    if (event.kind !== "unit" || event.record.active !== "active") return;
    const { unit } = event.record;
    if (unit === PARENT_SLICE) {
      if (this.#policies.size > 0 && !this.#isGateCurrent()) this.#guard.touched(`${unit} was made anew`);
      return;
    }
    const parsed = parseUnit(unit);
    const policy = this.#policies.get(parsed?.name ?? "");
    if (policy === undefined || parsed === null) return;
    if (parsed.role === "main" && this.#observations.at(policy.name) === null) this.#observations.started(policy.name);
    if (parsed.role !== "slice" || this.#hasItsEntry(policy)) return;
    this.#active.add(policy);
    await this.#lookAtActive();
  }

  /** systemd says several times of a slice that it is active; most often it is the one that its policy was put for. */
  #hasItsEntry({ name }: Policy): boolean {
    return this.#gate !== null && this.#netfilter.entryOf(name) === sliceId(this.#gate, name);
  }

  /** Slices become active by the dozen: the kernel is asked about them together. */
  readonly #lookAtActive = shared(async () => {
    const policies = [...this.#active];
    this.#active.clear();
    for (const [name, inForce] of await this.#inForce(policies)) {
      if (!inForce) this.#guard.touched(`${sliceUnit(name)} was made anew`);
    }
  }, LOOK_PAUSE_MS);

  #repaired(repair: Repair): void {
    const nth = (this.#repairs.at(-1)?.nth ?? 0) + 1;
    this.#repairs = [...this.#repairs, { ...repair, nth }].slice(-REPAIRS_MOST);
    this.#events.repaired(repair);
    for (const name of this.#policies.keys()) this.#observations.again(name);
  }
}

const REPAIRS_MOST = 100;
/** Between one look at slices and the next. */
const LOOK_PAUSE_MS = 50;
const WHILE_AWAY = "somebody while the supervisor was away";
