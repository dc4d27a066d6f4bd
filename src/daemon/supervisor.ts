/**
 * The loop. Wanted (the instance file) against observed (systemd, kernel, disk) gives each instance its view; its
 * controller takes the steps. Nothing here is remembered that cannot be read back: a new daemon adopts what it finds.
 */
import { setImmediate as immediately } from "node:timers/promises";
import { policyHash, policyOf } from "../netpolicy/policy.ts";
import { PARENT_SLICE, parseUnit, TARGET } from "../spec/names.ts";
import type { Problem } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { InstanceUnits } from "../spec/unit.ts";
import type { Egress } from "./egress/egress.ts";
import type { Follower } from "./follow/asked.ts";
import type { SocketNews } from "./follow/sockets.ts";
import { type OutputPorts, OutputWatch } from "./health/output.ts";
import { type HealthPorts, HealthWatch } from "./health/watch.ts";
import { ACTIONS, type Action } from "./instance/actions.ts";
import { Controller, type Listener } from "./instance/controller.ts";
import type { Ports } from "./instance/steps.ts";
import { UNPREPARED, type View, type Wanted } from "./instance/view.ts";
import { withDeadline } from "./later.ts";
import type { FileState, Loader } from "./loader.ts";
import { adopted, isOurs, observed } from "./observed.ts";
import type { Systemd, SystemdEvent, UnitRecord } from "./systemd/port.ts";
import { Target } from "./target.ts";

export interface SupervisorPorts extends Omit<Ports, "egress"> {
  readonly systemd: Systemd;
  readonly egress: Pick<
    Egress,
    "missing" | "repairs" | "observedAt" | "onOpen" | "open" | "verify" | "put" | "remove" | "destroy"
  >;
  readonly loader: Loader;
  /** What earlier daemons left in /run: markers of what was started since then (milliseconds since the epoch), and roots. */
  readonly leftovers: (since: number) => Promise<{ markers: ReadonlyMap<string, string>; roots: ReadonlySet<string> }>;
  /** Instances that have a started marker. */
  readonly marked: () => Promise<readonly string[]>;
  /** Where others than these instances kept their state, by name. */
  readonly states: (known: ReadonlySet<string>) => Promise<ReadonlyMap<string, string>>;
  readonly render: (spec: InstanceSpec) => InstanceUnits;
  readonly health: Omit<HealthPorts, "report">;
  readonly output: OutputPorts;
  /** What follows files that views name; it reports what it learnt of an instance. */
  readonly followers: (report: (name: string, change: Partial<View>) => void) => readonly Follower[];
  readonly events: Listener & {
    adopted(names: readonly string[]): void;
    /** Nothing but its state is left of an instance. */
    gone(name: string): void;
    /** A socket of `sandbox.unixSockets.allow` is not what it was, or not what it is to be. */
    socket(name: string, news: SocketNews, path: string, text: string): void;
    /** It is restarted for what the files of these fields hold now. */
    rotated(name: string, fields: readonly string[]): void;
    /** Something of the host's failed that concerns no one instance. */
    trouble(what: string, error: unknown): void;
  };
}

const UNITS = ["opencode-*.service", "opencode-*.slice", PARENT_SLICE, TARGET];
/** How long a reload waits for policies that wait for something else, such as a server that takes its time to stop. */
const SETTLE_MS = 20_000;
/** When a daemon starts, that long nobody is asked how he is: with hundreds there is more to do. One that stops may take longer. */
const BUSY_MS = 3000;
/** So many come first, until one of them is ready for systemd: with nothing to do there, the others would only be in the way. */
const FIRST = 3;
const FIRST_MS = 200;
/** Of the others so many have their units made in one go. */
const AT_ONCE = 8;
/** After this time what could not be read is read again. */
const RESYNC_MS = 1000;

export class Supervisor {
  readonly #ports: SupervisorPorts;
  readonly #controllers = new Map<string, Controller>();
  readonly #health: HealthWatch;
  readonly #output: OutputWatch;
  readonly #followers: readonly Follower[];
  #file: FileState;
  #states: ReadonlyMap<string, string> = new Map();
  readonly #target = new Target();
  #idle: Promise<void> = Promise.resolve();
  #giving: Promise<unknown> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  #connected = true;

  constructor(ports: SupervisorPorts) {
    this.#ports = ports;
    this.#file = ports.loader.state;
    this.#health = new HealthWatch({
      ...ports.health,
      report: (name, health) =>
        this.#controllers.get(name)?.update({ health, ...(health.kind === "ready" ? { killed: null } : {}) }),
    });
    this.#output = new OutputWatch(ports.output, (name, found) => this.#controllers.get(name)?.update(found));
    this.#followers = ports.followers((name, change) => this.#controllers.get(name)?.update(change));
    ports.egress.onOpen((installed) => this.#tableIs(installed));
    ports.systemd.onEvent((event) => this.#heard(event));
  }

  get views(): View[] {
    return [...this.#controllers.values()].map((controller) => controller.view);
  }

  get file(): FileState {
    return this.#file;
  }

  /** State of instances that are no longer in the file, by name. */
  get orphans(): ReadonlyMap<string, string> {
    if (this.#file.kept === "all") return new Map();
    const known = this.#inFile();
    return new Map([...this.#states].filter(([name]) => !known.has(name) && !this.#controllers.has(name)));
  }

  #inFile(): ReadonlySet<string> {
    const { specs, disabled, kept } = this.#file;
    return new Set([...[...specs, ...disabled].map(({ name }) => name), ...(kept === "all" ? [] : kept)]);
  }

  get targetActive(): boolean {
    return this.#target.active;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get egress(): Pick<Egress, "missing" | "repairs" | "observedAt"> {
    return this.#ports.egress;
  }

  /**
   * Read what there is, then make it what the file says. Resolves once every policy is settled; `known` is called before
   * that, when each instance has what is wanted of it and what there is. `unasked` is called as soon as it shows that no
   * instance is to run: systemd may be waiting for us to make the target active. What it asks for meanwhile is not waited for.
   */
  async start({ unasked, known }: { unasked?: () => void; known?: () => void } = {}): Promise<void> {
    const listed = this.#ports.systemd.list(UNITS).then(() => {
      const asked = this.#ports.systemd.record(TARGET)?.active === "active";
      if (!asked) unasked?.();
      return asked;
    }); // meanwhile the file is read
    const [file, asked] = await Promise.all([this.#ports.loader.load(), listed]);
    // The file is checked in one go: that the target is active by now is in what came meanwhile, read a turn of the loop later.
    for (const _ of asked ? [] : [1, 2]) await immediately();
    this.#file = file;
    const adopting = this.#adopt(listed);
    this.#giving = adopting.catch(() => undefined); // what the target asks for meanwhile comes after that
    [this.#states] = await Promise.all([this.#ports.states(this.#inFile()), adopting]);
    const settling = await this.#give(false);
    known?.();
    const settled = Promise.all(asked || !this.targetActive ? settling : []);
    await withDeadline(settled, BUSY_MS);
    this.#health.begin();
    await withDeadline(settled, SETTLE_MS);
  }

  /**
   * Read the file again and converge. When there is something new in it, or somebody asked, failed and blocked instances
   * get another try. `known` is called when each instance has what is wanted of it, so that the next file need not wait
   * until all is settled. Answers with what is wrong.
   */
  async reload({ asked = true, known }: { asked?: boolean; known?: () => void } = {}): Promise<readonly Problem[]> {
    const before = this.#file;
    this.#file = await this.#ports.loader.load();
    const markers = new Set(await this.#ports.marked());
    for (const [name, controller] of this.#controllers) {
      if (!markers.has(name) && controller.view.started !== null) controller.observe({ started: null, ...UNPREPARED });
    }
    const given = this.#give(asked || this.#file !== before);
    const [settling, states] = await Promise.all([given, this.#ports.states(this.#inFile())]);
    this.#states = states;
    known?.();
    await withDeadline(Promise.all(settling), SETTLE_MS);
    return this.problems();
  }

  /** What an operator asks of an instance. Resolves when its policy is settled; false when it is not to run. */
  async ask(name: string, action: Action): Promise<boolean> {
    const controller = this.#controllers.get(name);
    if (controller === undefined || controller.view.wanted === null || controller.view.held) return false;
    await ACTIONS[action].act(controller, this.#ports);
    await withDeadline(controller.policySettled(), SETTLE_MS);
    return true;
  }

  /** Everything that is wrong now: mistakes in the file, and what instances are blocked by. */
  problems(): readonly Problem[] {
    const blocked = this.views.map((view) => view.blocked).filter((problem) => problem !== null);
    return [...this.#file.problems, ...blocked];
  }

  /** Resolves when nothing is left of instances that are not wanted; for `teardown` and tests. */
  async emptied(): Promise<void> {
    await Promise.all([...this.#controllers.values()].map((controller) => controller.policySettled()));
    await this.#idle;
  }

  close(): void {
    this.#health.close();
    for (const follower of this.#followers) follower.close();
    for (const controller of this.#controllers.values()) controller.close();
  }

  /** Everything systemd, the kernel and /run have of ours becomes part of a view; nothing is changed by this. */
  async #adopt(listed: Promise<unknown>): Promise<void> {
    const { systemd } = this.#ports;
    await listed;
    this.#connected = true;
    this.#takeTarget(systemd.record(TARGET));
    const wanted = this.targetActive ? this.#file.specs.map((spec) => spec.name) : [];
    const installing = wanted.length === 0 ? null : this.#installed(); // systemd makes the slice for it meanwhile
    const left = this.#ports.leftovers(this.#target.since / 1000); // what was started before that went with the target
    const [{ markers, roots }, slices] = await Promise.all([left, this.#sliceIds(), installing]);
    const before = observed(systemd.known(), slices);
    const names = new Set([...this.#controllers.keys(), ...before.keys(), ...markers.keys(), ...roots, ...wanted]);
    if (names.size === 0) return this.#leaveNothing(); // what an earlier daemon may have left
    const installed = await (installing ?? this.#installed());
    // Nothing is waited for from here on: what is known of the units is what they are now.
    const seen = observed(systemd.known(), slices);
    for (const name of new Set([...names, ...seen.keys(), ...installed.keys()])) {
      const known = this.#controllers.get(name)?.view;
      this.#controller(name).observe(adopted(name, { seen, markers, roots, installed }, known));
    }
    this.#ports.events.adopted([...seen.keys()]);
  }

  /** Hash of the policy in force, by instance; "" for one that is there but not as wanted. */
  async #installed(): Promise<ReadonlyMap<string, string>> {
    const { egress } = this.#ports;
    const there = await egress.open().catch(() => new Map<string, string>());
    const policies = this.#file.specs.filter(({ name }) => there.has(name)).map(policyOf);
    const inForce = policies.length === 0 ? new Map<string, boolean>() : await egress.verify(policies);
    return new Map([...there].map(([name, hash]) => [name, inForce.get(name) === true ? hash : ""]));
  }

  /** Cgroup ids of the slices that are active, by unit. */
  #sliceIds(): Promise<ReadonlyMap<string, bigint>> {
    const { systemd } = this.#ports;
    const isSlice = ({ unit, active }: UnitRecord) => active === "active" && parseUnit(unit)?.role === "slice";
    return systemd.cgroupIds(
      systemd
        .known()
        .filter(isSlice)
        .map(({ unit }) => unit),
    );
  }

  async #converge(retry: boolean): Promise<void> {
    await withDeadline(Promise.all(await this.#give(retry)), SETTLE_MS);
  }

  /** Give each controller what is wanted of it, once that is done that was asked before; answers with when they are settled. */
  #give(retry: boolean): Promise<Promise<void>[]> {
    const given = this.#giving.then(() => this.#giveAll(retry));
    this.#giving = given.catch(() => undefined);
    return given;
  }

  /** The first get to systemd before the units of the others are made. Those for which nothing changed are not woken. */
  async #giveAll(retry: boolean): Promise<Promise<void>[]> {
    await this.#idle;
    const { specs: enabled, kept } = this.#file;
    const specs = new Map(this.targetActive ? enabled.map((spec) => [spec.name, spec]) : []);
    const keep = new Set(this.targetActive ? (kept === "all" ? this.#controllers.keys() : kept) : []);
    for (const name of specs.keys()) this.#controller(name);
    const settling: Promise<void>[] = [];
    let made = 0;
    for (const [name, controller] of this.#controllers) {
      if (keep.has(name)) continue; // its part of the file is broken: it runs on as it was
      const isMade = this.#want(controller, specs.get(name) ?? null, retry);
      settling.push(controller.policySettled());
      if (!isMade) continue;
      made++;
      if (made === FIRST) await withDeadline(Promise.race(settling), FIRST_MS);
      else if (made % AT_ONCE === 0) await immediately();
    }
    return settling;
  }

  /** Says whether units were made for it. */
  #want(controller: Controller, spec: InstanceSpec | null, retry: boolean): boolean {
    const { view } = controller;
    const same = spec === view.wanted?.spec || (spec === null && view.wanted === null);
    const failed = [view.main, view.setup].some((unit) => unit?.active === "failed");
    const again = retry && (failed || view.blocked !== null);
    if (same && !again && spec !== null) {
      controller.kick();
      return false;
    }
    const wanted: Wanted | null = spec === null ? null : { spec, units: this.#ports.render(spec) };
    const policy = spec === null ? null : policyOf(spec);
    const hash = policy === null ? null : policyHash(policy);
    controller.update({
      wanted,
      held: false,
      policy,
      policyHash: hash,
      blocked: null,
      retry: retry && failed,
      exempt: null,
    });
    return spec !== null;
  }

  #controller(name: string): Controller {
    const known = this.#controllers.get(name);
    if (known !== undefined) return known;
    const listener: Listener = {
      changed: (view) => this.#changed(view),
      blocked: (view, step, problem) => this.#ports.events.blocked(view, step, problem),
    };
    const made = new Controller(name, this.#ports, listener);
    this.#controllers.set(name, made);
    return made;
  }

  #changed(view: View): void {
    this.#health.follow(view);
    this.#output.follow(view);
    for (const follower of this.#followers) follower.follow(view);
    const controller = this.#controllers.get(view.name);
    this.#ports.events.changed(controller?.view ?? view); // those above may have learnt more of it
    if (controller === undefined || !controller.isGone) return;
    controller.close();
    this.#controllers.delete(view.name);
    this.#ports.events.gone(view.name);
    if (this.#controllers.size === 0) this.#idle = this.#idle.then(() => this.#leaveNothing());
  }

  /** The last instance is gone: so are the table and the slice. */
  async #leaveNothing(): Promise<void> {
    if (this.#controllers.size > 0) return;
    await this.#ports.egress.destroy().catch((error: unknown) => this.#ports.events.trouble("egress", error));
    await this.#ports.systemd
      .stop(PARENT_SLICE)
      .catch((error: unknown) => this.#ports.events.trouble("systemd", error));
  }

  #heard(event: SystemdEvent): void {
    if (event.kind === "disconnected") this.#connected = false;
    else if (event.kind === "resync") this.#resync();
    else if (event.kind === "removed") this.#unitIs(event.unit, null);
    else this.#unitIs(event.record.unit, event.record);
  }

  /** Read everything anew, one time after the other; when that fails, once more a little later. */
  #resync(): void {
    this.#reading = this.#reading
      .then(() => this.#adopt(this.#ports.systemd.list(UNITS)))
      .then(
        () => void this.#converge(false).catch((error: unknown) => this.#ports.events.trouble("systemd", error)),
        (error: unknown) => {
          this.#ports.events.trouble("systemd", error);
          setTimeout(() => this.#resync(), RESYNC_MS).unref();
        },
      );
  }

  #unitIs(unit: string, record: UnitRecord | null): void {
    const parsed = parseUnit(unit);
    const controller = this.#controllers.get(parsed?.name ?? "");
    if (unit === TARGET && record !== null) this.#targetIs(record);
    if (parsed === null || controller === undefined) return;
    if (parsed.role !== "slice") controller.update({ [parsed.role]: isOurs(record) ? record : null });
    else if (controller.view.slice !== null && (record === null || record.active === "inactive")) {
      controller.update({ slice: null, installed: null });
    }
  }

  /** A table that was made anew has nobody in it: who is not registered is cut off, also without isolation. */
  #tableIs(installed: ReadonlyMap<string, string>): void {
    for (const [name, { view }] of this.#controllers) {
      const gone = view.installed !== null && !installed.has(name);
      if (gone || view.exempt !== null) this.#controllers.get(name)?.update({ installed: null, exempt: null });
    }
  }

  #targetIs(record: UnitRecord): void {
    if (this.#takeTarget(record))
      this.#converge(false).catch((error: unknown) => this.#ports.events.trouble("target", error));
  }

  /** Take in how the target is; says whether something else is to run than before. */
  #takeTarget(record: UnitRecord | undefined): boolean {
    const { news, ended } = this.#target.take(record);
    for (const controller of ended ? this.#controllers.values() : []) controller.observe({ ended: true });
    return news;
  }
}
