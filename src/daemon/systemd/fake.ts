/** systemd in memory, for unit tests of the daemon: units start and stop at once, or as a test scripts it. */
import { sliceCgroup } from "../../spec/names.ts";
import type { UnitProperty } from "../../spec/unit.ts";
import {
  type JobResult,
  NOT_DUE,
  type Systemd,
  SystemdError,
  type SystemdEvent,
  type TransientUnit,
  type UnitRecord,
} from "./port.ts";
import { applyProperties, blankRecord } from "./record.ts";

export type Outcome = "ok" | "fail" | "hang" | "exists";

export class FakeSystemd implements Systemd {
  readonly version = 257;
  readonly units = new Map<string, UnitRecord>();
  /** How a start of this unit ends; "ok" when not scripted. */
  readonly outcomes = new Map<string, Outcome>();
  /** Every call that changes something, e.g. `start opencode-a.service`. */
  readonly calls: string[] = [];
  readonly #listeners: ((event: SystemdEvent) => void)[] = [];
  #ids = 100n;
  readonly #cgroups = new Map<string, bigint>();
  #pid = 1000;

  async list(patterns: readonly string[]): Promise<UnitRecord[]> {
    const globs = patterns.map((pattern) => new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`));
    return [...this.units.values()].filter((record) => globs.some((glob) => glob.test(record.unit)));
  }

  known(): UnitRecord[] {
    return [...this.units.values()];
  }

  record(unit: string): UnitRecord | undefined {
    return this.units.get(unit);
  }

  async startTransient(
    unit: TransientUnit,
    beside: readonly TransientUnit[] = [],
    isDue: () => boolean = () => true,
  ): Promise<JobResult> {
    if (!isDue()) return NOT_DUE;
    this.calls.push(`start ${unit.unit}`);
    if (this.outcomes.get(unit.unit) === "exists" || this.units.has(unit.unit)) throw exists(unit.unit);
    for (const other of beside) {
      const ended = await this.#run(other, "exited");
      if (ended !== "done") return "dependency";
    }
    return this.#run(unit, "running");
  }

  async #run({ unit, properties }: TransientUnit, sub: string): Promise<JobResult> {
    const fields = properties.find(([name]) => name === "LogExtraFields")?.[1];
    const bytes = Array.isArray(fields) ? fields.map((field) => Buffer.from(String(field))) : [];
    const outcome = this.outcomes.get(unit) ?? "ok";
    const state = OUTCOMES[outcome];
    const mainPid = sub === "running" ? ++this.#pid : 0;
    this.set(
      applyProperties({ ...blankRecord(unit), ...state, mainPid, since: Date.now() * 1000 }, { LogExtraFields: bytes }),
    );
    if (outcome === "ok") this.set({ ...this.get(unit), sub });
    if (outcome === "hang") return new Promise(() => undefined);
    return outcome === "ok" ? "done" : "failed";
  }

  async start(unit: string): Promise<JobResult> {
    this.calls.push(`start ${unit}`);
    if (unit.endsWith(".slice") && !this.#cgroups.has(unit)) this.#cgroups.set(unit, ++this.#ids);
    this.set({ ...blankRecord(unit), active: "active", sub: "active" });
    return "done";
  }

  async restart(unit: string): Promise<JobResult> {
    this.calls.push(`restart ${unit}`);
    this.set({ ...this.get(unit), mainPid: ++this.#pid, since: Date.now() * 1000 });
    return "done";
  }

  async stop(unit: string): Promise<JobResult> {
    this.calls.push(`stop ${unit}`);
    this.#cgroups.delete(unit);
    if (this.units.delete(unit)) this.say({ kind: "removed", unit });
    return "done";
  }

  async resetFailed(unit: string): Promise<void> {
    if (this.units.get(unit)?.active !== "failed") return;
    this.units.delete(unit);
    this.say({ kind: "removed", unit });
  }

  async setProperties(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    this.calls.push(`set ${unit} ${properties.map(([name]) => name).join(" ")}`);
  }

  async bindMount(unit: string, source: string, path: string): Promise<void> {
    this.calls.push(`bind ${unit} ${source} ${path}`);
  }

  async kill(unit: string, signal: number): Promise<void> {
    this.calls.push(`kill ${unit} ${signal}`);
    if (this.get(unit).mainPid === 0) throw new SystemdError("org.freedesktop.systemd1.NoSuchUnit", unit);
  }

  async cgroupIds(slices: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
    return new Map(slices.map((slice) => [slice, this.#cgroups.get(slice) ?? 0n]));
  }

  async controlGroup(unit: string): Promise<string> {
    return unit === "opencode.slice" ? "/opencode.slice" : `/${sliceCgroup(unit)}/${unit}`;
  }

  onEvent(listener: (event: SystemdEvent) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#listeners.length = 0;
  }

  /** The unit as it is. */
  get(unit: string): UnitRecord {
    return this.units.get(unit) ?? blankRecord(unit);
  }

  /** Make a unit be so, and say it. */
  set(record: UnitRecord): void {
    this.units.set(record.unit, record);
    this.say({ kind: "unit", record });
  }

  /** Say something to whoever listens. */
  say(event: SystemdEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

const exists = (unit: string) =>
  new SystemdError("org.freedesktop.systemd1.UnitExists", `Unit ${unit} was already loaded`);

const OUTCOMES: Readonly<Record<Outcome, Partial<UnitRecord>>> = {
  ok: { active: "active" },
  fail: { active: "failed", sub: "failed", result: "exit-code", exitCode: 1, exitStatus: 1 },
  hang: { active: "activating", sub: "start" },
  exists: {},
};
