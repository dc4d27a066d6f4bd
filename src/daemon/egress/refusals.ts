/** What instances were refused: read when the kernel says so, added up, and told, at once or in summaries. */
import type { Policy } from "../../netpolicy/policy.ts";
import type { Netfilter } from "../netfilter/port.ts";
import { type Account, Ledger, type Reading } from "./ledger.ts";
import { RefusedWatch } from "./refused-watch.ts";
import { type Report, Reporter } from "./report.ts";

export interface RefusalPorts {
  readonly netfilter: Pick<Netfilter, "features" | "refused" | "destinations">;
  /** The policies that are in force, by instance. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** The addresses of this host. */
  own(): ReadonlySet<string>;
  refused(report: Report): void;
}

export class Refusals {
  readonly #ports: RefusalPorts;
  readonly #ledger = new Ledger();
  readonly #reporter: Reporter;
  readonly #watch: RefusedWatch;
  /** What was read at first of instances whose policy was not yet known to be in force. */
  readonly #early = new Map<string, Reading>();
  /** When the next summary is set for; milliseconds since the epoch. */
  #summaryAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(ports: RefusalPorts) {
    this.#ports = ports;
    this.#reporter = new Reporter(ports.own);
    this.#watch = new RefusedWatch(ports.netfilter, this.#ledger, (...heard) => this.#read(...heard));
  }

  /** Something was refused, or may have been. */
  told(): void {
    this.#watch.told().catch(() => undefined); // the table is being made anew, and it is read again
  }

  /** A policy is in force from now on. */
  kept(policy: Policy): void {
    const reading = this.#early.get(policy.name);
    if (reading !== undefined && this.#early.delete(policy.name)) this.#report(policy, reading, true);
  }

  account(name: string): Account {
    return this.#ledger.account(name);
  }

  forget(name: string): void {
    this.#early.delete(name);
    this.#ledger.forget(name);
    this.#reporter.forget(name);
  }

  close(): void {
    this.#watch.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #read(name: string, reading: Reading, isFirst: boolean): void {
    const policy = this.#ports.policies.get(name);
    if (policy !== undefined) this.#report(policy, reading, isFirst);
    else if (isFirst) this.#early.set(name, reading);
  }

  #report(policy: Policy, reading: Reading, isFirst: boolean): void {
    const now = Date.now();
    for (const report of this.#reporter.take(policy, reading, now, isFirst)) this.#ports.refused(report);
    this.#summariseLater(now);
  }

  #summariseLater(now: number): void {
    const { next } = this.#reporter;
    if (next === null || next >= this.#summaryAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#summaryAt = next;
    this.#timer = setTimeout(() => this.#summarise(), Math.max(0, next - now)).unref();
  }

  #summarise(): void {
    this.#summaryAt = Number.POSITIVE_INFINITY;
    const now = Date.now();
    const reports = [...this.#ports.policies.values()].flatMap((policy) => this.#reporter.due(policy, now));
    for (const report of reports) this.#ports.refused(report);
    this.#summariseLater(now);
  }
}
