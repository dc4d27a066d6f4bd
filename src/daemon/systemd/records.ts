/** What is known of units: what a listing said, and what signals have said of each since. No I/O. */
import { mainUnit, parseUnit, setupUnit } from "../../spec/names.ts";
import type { UnitRecord } from "./port.ts";
import { applyProperties, blankRecord } from "./record.ts";

type Properties = Readonly<Record<string, unknown>>;

/** SubStates between the end of a service and the wait for its next try: systemd goes on at once, and says so. */
const OF_A_MOMENT = new Set(["dead-before-auto-restart", "failed-before-auto-restart"]);

/** A restart is one job, and between its halves the service is inactive. `Job` is the job's number and path, 0 for none. */
const hasJob = ({ Job }: Properties): boolean => Array.isArray(Job) && Job[0] !== 0;

const isOfAMoment = ({ sub, active }: UnitRecord, properties: Properties): boolean =>
  OF_A_MOMENT.has(sub) || (active === "inactive" && hasJob(properties));

export class Records {
  readonly #records = new Map<string, UnitRecord>();
  /** For each listing under way, what was said of units since it was asked for: its answers may be older. */
  readonly #listings = new Set<(() => void)[]>();
  /** Units whose records changed since they were last told of. */
  readonly #untold = new Set<string>();

  all(): UnitRecord[] {
    return [...this.#records.values()];
  }

  get(unit: string): UnitRecord | undefined {
    return this.#records.get(unit);
  }

  /** `ask` for all units and take in the answers; what is said of units meanwhile is taken in once more after that. */
  async listing(ask: () => Promise<void>): Promise<void> {
    const heard: (() => void)[] = [];
    this.#listings.add(heard);
    try {
      await ask();
      for (const again of heard) again();
    } finally {
      this.#listings.delete(heard);
    }
  }

  /** There are these units and no other. */
  replace(records: readonly UnitRecord[]): void {
    this.#records.clear();
    for (const record of records) this.#records.set(record.unit, record);
  }

  /** An answer about a unit; it may have gone meanwhile. */
  answered(unit: string, properties: Properties): void {
    const record = this.#records.get(unit);
    if (record !== undefined) this.#records.set(unit, applyProperties(record, properties));
  }

  /** Of an instance whose main is active: its setup was started with it, in one call, and has its hash. */
  shareHash(name: string): void {
    const [main, setup] = [this.#records.get(mainUnit(name)), this.#records.get(setupUnit(name))];
    if (main === undefined || setup === undefined || setup.specHash !== null) return;
    this.#records.set(setup.unit, { ...setup, specHash: main.specHash });
  }

  /** Something newer than any answer that is still to come. */
  said(unit: string, properties: Properties): void {
    this.#said(() => {
      this.#records.set(unit, applyProperties(this.#records.get(unit) ?? blankRecord(unit), properties));
    });
  }

  /**
   * What a signal says, and what is to be done about it: the unit is told of, or asked for its hash before that, or neither.
   *
   * systemd says each change in two signals, of the service and then of the unit (`isWhole`), so that who waits for the second
   * one sees all of it at once (send_changed_signal() in dbus-unit.c). Half of what it says is of jobs and the like, and changes
   * no record.
   */
  changed(unit: string, properties: Properties, isWhole: boolean): "tell" | "ask" | null {
    const before = this.#records.get(unit);
    this.said(unit, properties);
    const record = this.#records.get(unit) ?? blankRecord(unit);
    if (record !== before) this.#untold.add(unit);
    const role = parseUnit(unit)?.role;
    const isService = role === "main" || role === "setup"; // of a slice each end counts: the next one has another cgroup
    if (!isWhole || (isService && isOfAMoment(record, properties)) || !this.#untold.delete(unit)) return null;
    return isService && record.specHash === null ? "ask" : "tell";
  }

  gone(unit: string): void {
    this.#said(() => void this.#records.delete(unit));
    this.#untold.delete(unit);
  }

  #said(take: () => void): void {
    take();
    for (const listing of this.#listings) listing.push(take);
  }
}
