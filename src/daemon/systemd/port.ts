/**
 * What the daemon asks of systemd. The real one is `dbus.ts`, the in-memory one for unit tests is `fake.ts`.
 * Terms are those of org.freedesktop.systemd1(5).
 */
import type { UnitProperty } from "../../spec/unit.ts";

/** What is known of a loaded unit. Times are microseconds since the epoch, 0 when it never happened. */
export interface UnitRecord {
  readonly unit: string;
  /** ActiveState: active, activating, deactivating, inactive, failed, reloading, … */
  readonly active: string;
  /** SubState, e.g. running, exited, auto-restart, start. */
  readonly sub: string;
  /** Microseconds since the epoch at which the state last changed. */
  readonly since: number;
  readonly mainPid: number;
  /** Result: success, exit-code, signal, timeout, oom-kill, … */
  readonly result: string;
  /** ExecMainCode: 0 not exited, 1 exited, 2 killed, 3 dumped (CLD_* of waitid(2)). */
  readonly exitCode: number;
  /** ExecMainStatus: exit status or signal number. */
  readonly exitStatus: number;
  readonly restarts: number;
  /**
   * ExecMainHandoffTimestamp (systemd 256): microseconds since the epoch at which its program was executed, 0 while it was not;
   * null when systemd did not say.
   */
  readonly handedOff: number | null;
  /** `OPENCODE_SPEC_HASH` of LogExtraFields; null for a unit that is not ours. */
  readonly specHash: string | null;
}

/** How a job ended (`JobRemoved`): done, failed, dependency, canceled, timeout, skipped, … */
export type JobResult = string;
/** Of a start that was not asked for after all. */
export const NOT_DUE: JobResult = "not due";

export interface TransientUnit {
  readonly unit: string;
  readonly properties: readonly UnitProperty[];
}

/** What was heard: a unit of ours changed or went, or everything must be read anew (`resync`), or the bus went away. */
export type SystemdEvent =
  | { readonly kind: "unit"; readonly record: UnitRecord }
  | { readonly kind: "removed"; readonly unit: string }
  | { readonly kind: "resync" }
  | { readonly kind: "disconnected" };

export interface Systemd {
  /** Major version, e.g. 257. */
  readonly version: number;
  /** All loaded units whose name matches one of the globs, with what is known of each. */
  list(patterns: readonly string[]): Promise<UnitRecord[]>;
  /** What is known now of the units last listed, and of those heard of since. */
  known(): UnitRecord[];
  /** The same of one unit. */
  record(unit: string): UnitRecord | undefined;
  /**
   * Start a transient unit, with others made beside it, and wait for its job. `isDue` is asked when it is its turn; should that
   * say no, nothing is done, and the answer is {@link NOT_DUE}.
   */
  startTransient(unit: TransientUnit, beside?: readonly TransientUnit[], isDue?: () => boolean): Promise<JobResult>;
  start(unit: string): Promise<JobResult>;
  /** Stop and start again, as `systemctl restart`; units it requires are left as they are. */
  restart(unit: string): Promise<JobResult>;
  /** Stop and wait for the job; a unit that is not loaded is already stopped (`done`). */
  stop(unit: string): Promise<JobResult>;
  /** Forget a failed unit; nothing happens when it is not loaded. */
  resetFailed(unit: string): Promise<void>;
  /** Change properties of a live unit, until the next boot. */
  setProperties(unit: string, properties: readonly UnitProperty[]): Promise<void>;
  /** Bind a file of the host at `path` in the file system that a running service sees, read-only; over what is bound there. */
  bindMount(unit: string, source: string, path: string): Promise<void>;
  /** Send a signal to the main process of a unit. */
  kill(unit: string, signal: number): Promise<void>;
  /** ControlGroupId of slices of instances (the inode numbers of their directories in cgroupfs), by unit; 0n for one that has none. */
  cgroupIds(slices: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
  /** ControlGroup path of a unit, "" when it has none. */
  controlGroup(unit: string): Promise<string>;
  onEvent(listener: (event: SystemdEvent) => void): void;
  close(): Promise<void>;
}

/** systemd refused or could not be asked. `code` is the D-Bus error name, or `Disconnected`. */
export class SystemdError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SystemdError";
    this.code = code;
  }
}

export const isUnitExists = (error: unknown): boolean =>
  error instanceof SystemdError && error.code === "org.freedesktop.systemd1.UnitExists";
export const isNoSuchUnit = (error: unknown): boolean =>
  error instanceof SystemdError && error.code === "org.freedesktop.systemd1.NoSuchUnit";
