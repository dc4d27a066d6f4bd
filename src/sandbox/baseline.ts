/**
 * The hardening baseline (`baseline.json`, unit-file spelling, read by the NixOS module as well) as properties on the bus.
 * A directive that the host's systemd does not know is left out, or takes its older value, and is reported.
 */
import type { UnitProperty } from "../spec/unit.ts";
import baseline from "./baseline.json" with { type: "json" };

export type Directive = keyof typeof baseline;

export interface Entry {
  /** As in a unit file; a list is one line each. */
  readonly value: string | readonly string[];
  readonly why: string;
  /** First systemd that takes this value. */
  readonly since?: number;
  /** What an older one is given instead; without it, nothing. */
  readonly before?: string | readonly string[];
  /** What is lost on an older one; without it, nothing. */
  readonly lost?: string;
}

const words = (value: string): string[] => value.split(" ").filter((word) => word !== "");
const yes = (value: string): boolean => value === "yes";
const SECURE_BITS: Readonly<Record<string, number>> = { "noroot-locked": 1 << 1 };
const ERRNO: Readonly<Record<string, number>> = { EPERM: 1 };

function known(table: Readonly<Record<string, number>>, value: string): number {
  const found = table[value];
  if (found === undefined) throw new Error(`baseline.json: ${value} is not one of ${Object.keys(table)}`);
  return found;
}

/** What the baseline says of a set, which has one spelling only: its mask on the bus. */
function mask(value: string, spelling: string, bits: bigint): bigint {
  if (value !== spelling) throw new Error(`baseline.json: expected "${spelling}", got "${value}"`);
  return bits;
}
const NO_CAPABILITY = 0n;
/**
 * `RestrictNamespaces=yes` would be 0 here, and systemd 257 writes that as an empty value: after a daemon-reload nothing is
 * restricted any more. A UTS namespace (CLONE_NEWUTS) is the least there is, and cannot be had without a capability.
 */
const UTS_ONLY = 0x04000000n;

/** `~a b` takes away, `a b` allows. */
const filter = (value: string): readonly [boolean, readonly string[]] =>
  value.startsWith("~") ? [false, words(value.slice(1))] : [true, words(value)];

/** `path:options` */
function mount(value: string): readonly [path: string, options: string] {
  const [path = "", options = ""] = value.split(":");
  return [path, options];
}

/** Each directive's property on the bus, from its value in a unit file. */
const PROPERTIES: readonly (readonly [Directive, (value: string) => UnitProperty])[] = [
  ["PrivateUsers", (value) => ["PrivateUsers", yes(value)]],
  ["PrivateDevices", (value) => ["PrivateDevices", yes(value)]],
  ["DevicePolicy", (value) => ["DevicePolicy", value]],
  ["PrivateIPC", (value) => ["PrivateIPC", yes(value)]],
  ["PrivatePIDs", (value) => ["PrivatePIDs", value]],
  ["PrivateTmp", (value) => ["PrivateTmp", yes(value)]],
  ["TemporaryFileSystem", (value) => ["TemporaryFileSystem", [mount(value)]]],
  ["PrivateMounts", (value) => ["PrivateMounts", yes(value)]],
  ["MountAPIVFS", (value) => ["MountAPIVFS", yes(value)]],
  ["BindLogSockets", (value) => ["BindLogSockets", yes(value)]],
  ["ProtectSystem", (value) => ["ProtectSystem", value]],
  ["ProtectHome", (value) => ["ProtectHome", value]],
  ["ProtectProc", (value) => ["ProtectProc", value]],
  ["ProcSubset", (value) => ["ProcSubset", value]],
  ["ProtectClock", (value) => ["ProtectClock", yes(value)]],
  [
    "ProtectControlGroups",
    (value) => (value === "strict" ? ["ProtectControlGroupsEx", value] : ["ProtectControlGroups", yes(value)]),
  ],
  ["ProtectHostname", (value) => ["ProtectHostname", yes(value)]],
  ["ProtectKernelLogs", (value) => ["ProtectKernelLogs", yes(value)]],
  ["ProtectKernelModules", (value) => ["ProtectKernelModules", yes(value)]],
  ["ProtectKernelTunables", (value) => ["ProtectKernelTunables", yes(value)]],
  ["NoNewPrivileges", (value) => ["NoNewPrivileges", yes(value)]],
  ["CapabilityBoundingSet", (value) => ["CapabilityBoundingSet", mask(value, "", NO_CAPABILITY)]],
  ["AmbientCapabilities", (value) => ["AmbientCapabilities", mask(value, "", NO_CAPABILITY)]],
  ["SecureBits", (value) => ["SecureBits", known(SECURE_BITS, value)]],
  ["RestrictNamespaces", (value) => ["RestrictNamespaces", mask(value, "yes", UTS_ONLY)]],
  ["RestrictRealtime", (value) => ["RestrictRealtime", yes(value)]],
  ["RestrictSUIDSGID", (value) => ["RestrictSUIDSGID", yes(value)]],
  ["LockPersonality", (value) => ["LockPersonality", yes(value)]],
  ["RemoveIPC", (value) => ["RemoveIPC", yes(value)]],
  ["KeyringMode", (value) => ["KeyringMode", value]],
  ["SystemCallArchitectures", (value) => ["SystemCallArchitectures", words(value)]],
  ["SystemCallFilter", (value) => ["SystemCallFilter", filter(value)]],
  ["SystemCallErrorNumber", (value) => ["SystemCallErrorNumber", known(ERRNO, value)]],
  ["RestrictAddressFamilies", (value) => ["RestrictAddressFamilies", filter(value)]],
  ["UMask", (value) => ["UMask", Number.parseInt(value, 8)]],
  ["SyslogLevelPrefix", (value) => ["SyslogLevelPrefix", yes(value)]],
  ["LimitCORE", (value) => ["LimitCORE", BigInt(value)]],
];

/** What an entry is on a systemd of this version: null when it has nothing of the kind. */
const valueOn = (entry: Entry, version: number): Entry["value"] | null =>
  version >= (entry.since ?? 0) ? entry.value : (entry.before ?? null);

/**
 * The baseline's properties on a systemd of this version.
 * @param replaced directives that this instance takes with another value, in unit-file spelling
 */
export function baselineProperties(
  version: number,
  replaced: Partial<Record<Directive, string>>,
): readonly UnitProperty[] {
  const key = JSON.stringify([version, replaced]);
  const properties = made.get(key) ?? makeProperties(version, replaced);
  made.set(key, properties);
  return properties;
}

/** Hundreds of instances share a few of these. */
const made = new Map<string, readonly UnitProperty[]>();

function makeProperties(version: number, replaced: Partial<Record<Directive, string>>): UnitProperty[] {
  return PROPERTIES.flatMap(([name, property]) => {
    const value = replaced[name] ?? valueOn(baseline[name], version);
    if (value === null) return [];
    return (typeof value === "string" ? [value] : value).map(property);
  });
}

/** What of the baseline this systemd does not have, a line each. */
export function baselineGaps(version: number): string[] {
  return PROPERTIES.flatMap(([name]) => {
    const { since = 0, lost }: Entry = baseline[name];
    return version < since && lost !== undefined
      ? [`systemd ${version} is older than ${since}: ${name}= is weaker or missing; ${lost}`]
      : [];
  });
}
