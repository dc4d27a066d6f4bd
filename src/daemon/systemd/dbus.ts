/**
 * systemd over the system bus (dbus-native). A thin adapter: it keeps no state but the records of units it was asked
 * about, so that a `PropertiesChanged` can be turned into a whole record, and the jobs it waits for.
 *
 * A restart of dbus-daemon closes the connection: pending calls fail with `Disconnected`, the client reconnects, and a
 * `resync` event tells the daemon to read everything anew. daemon-reexec fails calls in flight with `NoReply`. During a
 * daemon-reload systemd says of every unit that it was removed: what it says of units meanwhile is not believed.
 */
import { createClient, type Message, type MessageBus } from "dbus-native";
import { PARENT_SLICE, parseUnit, TARGET } from "../../spec/names.ts";
import type { UnitProperty } from "../../spec/unit.ts";
import { cgroupId } from "../cgroup.ts";
import { limiter } from "../limiter.ts";
import { type Call, callsOn } from "./calls.ts";
import { JobWaiter } from "./jobs.ts";
import {
  isNoSuchUnit,
  type JobResult,
  NOT_DUE,
  type Systemd,
  SystemdError,
  type SystemdEvent,
  type TransientUnit,
  type UnitRecord,
} from "./port.ts";
import { HASH, type Interface, toRead } from "./reads.ts";
import { blankRecord, pathOfUnit, unitOfPath } from "./record.ts";
import { Records } from "./records.ts";
import { toVariants } from "./variants.ts";

const BUS = "unix:path=/run/dbus/system_bus_socket";
const DBUS = "org.freedesktop.DBus";
const SYSTEMD = "org.freedesktop.systemd1";
const MANAGER = { path: "/org/freedesktop/systemd1", interface: `${SYSTEMD}.Manager` };
const PROPERTIES = "org.freedesktop.DBus.Properties";
/** systemd took too long, or re-executed itself. Whatever else fails means that the unit is gone, or the connection. */
const NO_REPLY = "org.freedesktop.DBus.Error.NoReply";
const UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject";

/**
 * Starts at once, and how long a slow one keeps others waiting. systemd answers nobody while there is something to start: with
 * these, half a second at most; hundreds at once kept all of the host's calls waiting for half a minute, and none of them was up
 * sooner. With 16, a hundred took 3 % longer. As many on any host: systemd starts them one after the other.
 */
const STARTING = { slots: 64, giveUpMs: 10_000 };

/** What is listened to, and no more: each unit that starts is told of in a dozen signals. */
const MATCHES = [
  ...["JobRemoved", "UnitRemoved", "Reloading"].map(
    (member) => `sender='${SYSTEMD}',interface='${MANAGER.interface}',member='${member}'`,
  ),
  ...["Unit", "Service"].map(
    (iface) => `sender='${SYSTEMD}',interface='${PROPERTIES}',member='PropertiesChanged',arg0='${SYSTEMD}.${iface}'`,
  ),
  `sender='${DBUS}',member='NameOwnerChanged',arg0='${SYSTEMD}'`,
];

/** How the paths of such units begin; each unit that starts is cause for a dozen signals about others. */
const OURS = pathOfUnit(PARENT_SLICE.replace(/\..*/, ""));
/** Units the daemon follows: those of instances, and the target and slice that hold them all. */
const follows = (unit: string): boolean => parseUnit(unit) !== null || unit === TARGET || unit === PARENT_SLICE;

export class DBusSystemd implements Systemd {
  readonly version: number;
  readonly #bus: MessageBus;
  readonly #call: Call;
  readonly #records = new Records();
  /** Services whose hash is being asked for. */
  readonly #asked = new Set<string>();
  readonly #jobs = new JobWaiter();
  readonly #starting = limiter(STARTING);
  readonly #listeners: ((event: SystemdEvent) => void)[] = [];
  /** Unique bus name of systemd; "" while it has none that we know. */
  #owner = "";
  /** ControlGroup of `opencode.slice`, which is the same each time it is made; "" until there was one. */
  #parent = "";
  /** Between `Reloading(true)` and `Reloading(false)`. */
  #reloading = false;

  /** Connect, subscribe and read the version. Throws {@link SystemdError} when the bus cannot be had. */
  static async connect(busAddress = BUS): Promise<DBusSystemd> {
    const bus = createClient({ busAddress, reconnect: { minDelay: 50, maxDelay: 1000 } });
    bus.connection.on("error", () => undefined);
    const call = callsOn(bus);
    const version = await call(getMessage(MANAGER.path, MANAGER.interface, "Version"));
    const systemd = new DBusSystemd(bus, call, Number.parseInt(String(version), 10));
    await systemd.#listen();
    return systemd;
  }

  private constructor(bus: MessageBus, call: Call, version: number) {
    this.#bus = bus;
    this.#call = call;
    this.version = version;
    bus.connection.on("message", (message: Message) => this.#heard(message));
    bus.connection.on("close", () => {
      this.#owner = "";
      this.#jobs.failAll(new SystemdError("Disconnected", "the connection to the system bus was lost"));
      this.#emit({ kind: "disconnected" });
    });
    bus.on("reconnected", () => {
      this.#listen().then(
        () => this.#emit({ kind: "resync" }),
        () => this.#emit({ kind: "disconnected" }),
      );
    });
  }

  /** Once for each connection: the bus counts a rule each time that it is added, and takes no more than 512 of them. */
  async #listen(): Promise<void> {
    await Promise.all(MATCHES.map((rule) => this.#bus.addMatch(`type='signal',${rule}`)));
    await this.#subscribe();
  }

  async #subscribe(): Promise<void> {
    await this.#manager("Subscribe").catch(unlessCode("org.freedesktop.systemd1.AlreadySubscribed"));
    const ask = { destination: DBUS, path: "/org/freedesktop/DBus", interface: DBUS, member: "GetNameOwner" };
    this.#owner = String(await this.#call({ ...ask, signature: "s", body: [SYSTEMD] }));
    this.#reloading = false;
    await this.#forgetJobs();
  }

  /** Jobs that ended while nobody listened: nothing will ever be heard of them. */
  async #forgetJobs(): Promise<void> {
    const waiting = this.#jobs.waiting();
    if (waiting.length === 0) return;
    const rows = await this.#manager("ListJobs");
    const there = new Set(Array.isArray(rows) ? rows.map((row) => (Array.isArray(row) ? row[4] : null)) : []);
    for (const job of waiting) if (!there.has(job)) this.#jobs.removed(job, "unheard");
  }

  async list(patterns: readonly string[]): Promise<UnitRecord[]> {
    await this.#records.listing(async () => {
      const rows = await this.#manager("ListUnitsByPatterns", "asas", [[], patterns]);
      const units = (Array.isArray(rows) ? rows : []).filter(isUnitRow).filter((row) => row[2] !== "not-found");
      this.#records.replace(units.map(([unit, , , active, sub]) => ({ ...blankRecord(unit), active, sub })));
      const mains = units.filter(([unit, , , active]) => active === "active" && parseUnit(unit)?.role === "main");
      const running = new Set(mains.map(([unit]) => parseUnit(unit)?.name ?? ""));
      await Promise.all(
        units.flatMap(([unit, , , active]) =>
          toRead(unit, active, running).map((property) => this.#read(unit, ...property)),
        ),
      );
      for (const name of running) this.#records.shareHash(name);
    });
    return this.known();
  }

  known(): UnitRecord[] {
    return this.#records.all();
  }

  record(unit: string): UnitRecord | undefined {
    return this.#records.get(unit);
  }

  /** Take in one property that a listing does not carry; a unit that goes meanwhile has none. */
  async #read(unit: string, iface: Interface, name: string): Promise<void> {
    const value = await this.#get(unit, iface, name).catch(unlessCode(UNKNOWN_OBJECT));
    this.#records.answered(unit, { [name]: value });
  }

  startTransient(
    unit: TransientUnit,
    beside: readonly TransientUnit[] = [],
    isDue: () => boolean = () => true,
  ): Promise<JobResult> {
    const others = beside.map((other) => [other.unit, toVariants(other.properties)]);
    const body = [unit.unit, "replace", toVariants(unit.properties), others];
    const made = async () => {
      const job = await this.#manager("StartTransientUnit", "ssa(sv)a(sa(sv))", body);
      for (const ours of [unit, ...beside]) this.#made(ours);
      return job;
    };
    return this.#starting(async () => (isDue() ? await this.#jobs.run(made) : NOT_DUE));
  }

  /** systemd took the unit, which had not been there: nobody needs to ask what its hash is. */
  #made({ unit, properties }: TransientUnit): void {
    const [fields] = toVariants(properties.filter(([name]) => name === "LogExtraFields"));
    if (fields !== undefined) this.#records.said(unit, { LogExtraFields: fields[1].value });
  }

  start(unit: string): Promise<JobResult> {
    return this.#jobs.run(() => this.#manager("StartUnit", "ss", [unit, "replace"]));
  }

  restart(unit: string): Promise<JobResult> {
    return this.#jobs.run(() => this.#manager("RestartUnit", "ss", [unit, "replace"]));
  }

  async stop(unit: string): Promise<JobResult> {
    try {
      return await this.#jobs.run(() => this.#manager("StopUnit", "ss", [unit, "replace"]));
    } catch (error) {
      if (isNoSuchUnit(error)) return "done";
      throw error;
    }
  }

  async kill(unit: string, signal: number): Promise<void> {
    await this.#manager("KillUnit", "ssi", [unit, "main", signal]);
  }

  async bindMount(unit: string, source: string, path: string): Promise<void> {
    const [readOnly, makeMountPoint] = [true, true];
    await this.#manager("BindMountUnit", "sssbb", [unit, source, path, readOnly, makeMountPoint]);
  }

  async resetFailed(unit: string): Promise<void> {
    await this.#manager("ResetFailedUnit", "s", [unit]).catch(unlessCode("org.freedesktop.systemd1.NoSuchUnit"));
  }

  async setProperties(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    await this.#manager("SetUnitProperties", "sba(sv)", [unit, true, toVariants(properties)]);
  }

  /** ControlGroupId is the inode number of the slice's directory in cgroupfs (cgroups(7)): systemd need not be asked for each. */
  async cgroupIds(slices: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
    this.#parent ||= await this.controlGroup(PARENT_SLICE);
    return new Map(slices.map((slice) => [slice, cgroupId(`${this.#parent}/${slice}`) ?? 0n]));
  }

  async controlGroup(unit: string): Promise<string> {
    const path = await this.#get(unit, unit.endsWith(".slice") ? "Slice" : "Service", "ControlGroup");
    return typeof path === "string" ? path : "";
  }

  onEvent(listener: (event: SystemdEvent) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#listeners.length = 0;
    this.#bus.connection.end();
    this.#jobs.failAll(new SystemdError("Disconnected", "closed"));
  }

  #emit(event: SystemdEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Any local user may send a signal to this connection: only systemd's own are believed, and the bus's about it. */
  #heard(message: Message): void {
    const body = message.body ?? [];
    if (message.sender === DBUS && message.member === "NameOwnerChanged" && body[0] === SYSTEMD) {
      this.#ownerChanged(String(body[2]));
    } else if (message.sender === this.#owner) {
      this.#signals[message.member ?? ""]?.(body, message.path);
    }
  }

  /** What each signal of systemd's means. */
  readonly #signals: Readonly<Record<string, (body: readonly unknown[], path?: string) => void>> = {
    JobRemoved: ([, job, , result]) => this.#jobs.removed(String(job), String(result)),
    UnitRemoved: ([unit]) => {
      if (!this.#reloading && follows(String(unit))) this.#removed(String(unit));
    },
    Reloading: ([active]) => {
      this.#reloading = active === true;
      if (!this.#reloading) this.#emit({ kind: "resync" });
    },
    PropertiesChanged: ([iface, properties], path = "") => {
      if (!path.startsWith(OURS)) return;
      const unit = unitOfPath(path);
      if (this.#reloading || unit === null || !follows(unit) || !isDictionary(properties)) return;
      this.#changed(unit, properties, iface === `${SYSTEMD}.Unit`);
    },
  };

  /** daemon-reexec gives systemd a new connection. */
  #ownerChanged(owner: string): void {
    this.#owner = owner;
    if (owner === "") return;
    this.#subscribe().then(
      () => this.#emit({ kind: "resync" }),
      () => undefined, // the connection itself went: `close` says so
    );
  }

  #removed(unit: string): void {
    this.#records.gone(unit);
    this.#emit({ kind: "removed", unit });
  }

  #changed(unit: string, properties: Record<string, unknown>, isWhole: boolean): void {
    const news = this.#records.changed(unit, properties, isWhole);
    if (news === "tell") this.#tell(unit);
    if (news === "ask" && !this.#asked.has(unit)) this.#askForHash(unit);
  }

  #tell(unit: string): void {
    const record = this.#records.get(unit);
    if (record !== undefined) this.#emit({ kind: "unit", record });
  }

  /** A service seen for the first time: its hash never comes by signal. */
  #askForHash(unit: string): void {
    this.#asked.add(unit);
    const tell = () => {
      this.#asked.delete(unit);
      this.#tell(unit);
    };
    const failed = (error: SystemdError) => {
      this.#asked.delete(unit);
      if (error.code === NO_REPLY && this.#records.get(unit) !== undefined) this.#askForHash(unit);
    };
    this.#read(unit, ...HASH).then(tell, failed);
  }

  #manager(member: string, signature?: string, body?: unknown[]): Promise<unknown> {
    const message: Message = { destination: SYSTEMD, ...MANAGER, member };
    return this.#call(signature === undefined ? message : { ...message, signature, body: body ?? [] });
  }

  #get(unit: string, iface: Interface, name: string): Promise<unknown> {
    return this.#call(getMessage(pathOfUnit(unit), `${SYSTEMD}.${iface}`, name));
  }
}

const getMessage = (path: string, iface: string, name: string): Message => ({
  ...{ destination: SYSTEMD, path, interface: PROPERTIES, member: "Get" },
  ...{ signature: "ss", body: [iface, name] },
});

/** Rethrows everything but the error of this name. */
const unlessCode = (code: string) => (error: unknown) => {
  if (!(error instanceof SystemdError && error.code === code)) throw error;
};

type UnitRow = readonly [unit: string, description: string, load: string, active: string, sub: string];
const isUnitRow = (row: unknown): row is UnitRow =>
  Array.isArray(row) && row.length >= 5 && row.slice(0, 5).every((cell) => typeof cell === "string");
const isDictionary = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
