/**
 * Unit properties as `StartTransientUnit` takes them (org.freedesktop.systemd1(5)): the names are those of the bus, not
 * of unit files, and the values have the shape of their D-Bus signature. Made in `src/sandbox`, sent by `src/daemon/systemd`.
 */

/** `[path, argv, ignoreFailure]`, signature `(sasb)`. */
export type ExecCommand = readonly [path: string, argv: readonly string[], ignoreFailure: boolean];
/**
 * `[path, argv, flags]`, signature `(sasas)`. With the flag `no-env-expand` systemd takes the arguments as they are; without
 * it (and always in {@link ExecCommand}) it expands `$NAME` in them, and after a daemon-reload it does not.
 */
export type ExecCommandEx = readonly [path: string, argv: readonly string[], flags: readonly "no-env-expand"[]];
/** `[source, destination, ignoreMissing, flags]`, signature `(ssbt)`; flags is 0n or {@link MS_REC}. */
export type BindPath = readonly [source: string, destination: string, ignoreMissing: boolean, flags: bigint];
/** `[family, address bytes, prefix length]`, signature `(iayu)`; family is AF_INET 2 or AF_INET6 10. */
export type AddressPrefix = readonly [family: 2 | 10, address: Uint8Array, prefixLength: number];
/** Recursive bind mount. */
export const MS_REC = 0x4000n;

/** D-Bus signature of a property's value, by the property's name on the bus. */
export const SIGNATURES = {
  AddRef: "b",
  After: "as",
  AmbientCapabilities: "t",
  BindLogSockets: "b",
  BindPaths: "a(ssbt)",
  BindReadOnlyPaths: "a(ssbt)",
  CPUQuotaPerSecUSec: "t",
  CapabilityBoundingSet: "t",
  CollectMode: "s",
  Description: "s",
  DevicePolicy: "s",
  Environment: "as",
  EnvironmentFiles: "a(sb)",
  ExecStart: "a(sasb)",
  ExecStartEx: "a(sasas)",
  Group: "s",
  IPAddressAllow: "a(iayu)",
  IPAddressDeny: "a(iayu)",
  KeyringMode: "s",
  KillMode: "s",
  KillSignal: "i",
  LimitCORE: "t",
  LockPersonality: "b",
  LogExtraFields: "aay",
  MemoryMax: "t",
  MemoryMaxScale: "u",
  MountAPIVFS: "b",
  NoNewPrivileges: "b",
  NotifyAccess: "s",
  OOMPolicy: "s",
  PartOf: "as",
  PrivateDevices: "b",
  PrivateIPC: "b",
  PrivateMounts: "b",
  PrivatePIDs: "s",
  PrivateTmp: "b",
  PrivateUsers: "b",
  ProcSubset: "s",
  ProtectClock: "b",
  ProtectControlGroups: "b",
  ProtectControlGroupsEx: "s",
  ProtectHome: "s",
  ProtectHostname: "b",
  ProtectKernelLogs: "b",
  ProtectKernelModules: "b",
  ProtectKernelTunables: "b",
  ProtectProc: "s",
  ProtectSystem: "s",
  ReadOnlyPaths: "as",
  ReadWritePaths: "as",
  RemainAfterExit: "b",
  RemoveIPC: "b",
  Requires: "as",
  RequiresMountsFor: "as",
  Restart: "s",
  RestartForceExitStatus: "(aiai)",
  RestartPreventExitStatus: "(aiai)",
  RestartMaxDelayUSec: "t",
  RestartMode: "s",
  RestartSteps: "u",
  RestartUSec: "t",
  RestrictAddressFamilies: "(bas)",
  RestrictNamespaces: "t",
  RestrictRealtime: "b",
  RestrictSUIDSGID: "b",
  RootDirectory: "s",
  SecureBits: "i",
  Slice: "s",
  SocketBindAllow: "a(iiqq)",
  SocketBindDeny: "a(iiqq)",
  StartLimitBurst: "u",
  StartLimitIntervalUSec: "t",
  StateDirectory: "as",
  StateDirectoryMode: "u",
  SuccessExitStatus: "(aiai)",
  SupplementaryGroups: "as",
  SystemCallArchitectures: "as",
  SystemCallErrorNumber: "i",
  SystemCallFilter: "(bas)",
  SyslogIdentifier: "s",
  SyslogLevelPrefix: "b",
  TasksMax: "t",
  TemporaryFileSystem: "a(ss)",
  TimeoutStartUSec: "t",
  TimeoutStopUSec: "t",
  Type: "s",
  UMask: "u",
  User: "s",
  WorkingDirectory: "s",
} as const;

interface Values {
  s: string;
  as: readonly string[];
  b: boolean;
  i: number;
  u: number;
  t: bigint;
  aay: readonly string[];
  "a(ss)": readonly (readonly [path: string, options: string])[];
  "a(sb)": readonly (readonly [string, boolean])[];
  "a(sasb)": readonly ExecCommand[];
  "a(sasas)": readonly ExecCommandEx[];
  "a(ssbt)": readonly BindPath[];
  "a(iayu)": readonly AddressPrefix[];
  "a(iiqq)": readonly (readonly [family: number, protocol: number, ports: number, firstPort: number])[];
  "(aiai)": readonly [statuses: readonly number[], signals: readonly number[]];
  "(bas)": readonly [allow: boolean, names: readonly string[]];
}

export type PropertyName = keyof typeof SIGNATURES;
/** One `[name, value]`; a list may name a property twice where systemd appends (`SystemCallFilter`). */
export type UnitProperty = { [P in PropertyName]: readonly [P, Values[(typeof SIGNATURES)[P]]] }[PropertyName];

/** The two transient units of an instance, and what tells them apart from another version of themselves. */
export interface InstanceUnits {
  readonly setup: readonly UnitProperty[];
  readonly main: readonly UnitProperty[];
  /** Hex digest over everything above except what changes live (network policy); kept in `LogExtraFields`. */
  readonly specHash: string;
  /** What `sandbox.*` and missing host features took away from the baseline, one line each. */
  readonly relaxations: readonly string[];
}
