/**
 * What exists in the instance's file system. Its root holds links and its own accounts (src/daemon/host/root.ts); all else
 * that is seen is bound here. systemd resolves a source as root: none may lie below a directory that an instance can write
 * (`src/spec` refuses those).
 */
import { dirname } from "node:path";
import { configTarget, defaultStateDir, isWithin, rootDir } from "../spec/names.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { type BindPath, MS_REC, type UnitProperty } from "../spec/unit.ts";
import { type Host, plainPath } from "./host.ts";

/** A path bound at its own place; with a leading `-`, ignored when missing. */
function bind(path: string): BindPath {
  const plain = plainPath(path);
  return [plain, plain, plain !== path, MS_REC];
}

/**
 * Whether a socket may be missing when the instance starts: the daemon binds it when it is there. Below these directories
 * nothing can be made later (`ProtectHome=tmpfs` mounts them read-only).
 */
export const maybeLater = (socket: string): boolean =>
  !["/home", "/root", "/run/user"].some((above) => isWithin(socket, above));

/** What is needed besides the runtime: programs, config, projected files and what the operator opened for reading. */
function readOnly(spec: InstanceSpec, { programs }: Host): string[] {
  const program = spec.command?.[0];
  return [
    programs.init,
    programs.node,
    dirname(programs.setup),
    ...(program?.startsWith("/") ? [program] : []),
    ...(spec.package === null ? [] : [spec.package]),
    ...spec.path,
    configTarget(spec),
    ...Object.values(spec.configDirFiles),
    ...spec.sandbox.readOnlyPaths,
    // A read-only mount does not keep anybody from connecting to a socket in it.
    ...spec.sandbox.unixSockets.allow.map((path) => (maybeLater(path) ? `-${path}` : path)),
  ];
}

/** The default state directory is systemd's to make, with owner and mode; another one is bound as it is. */
const stateDirectory = ({ name, stateDir }: InstanceSpec): UnitProperty[] =>
  stateDir === defaultStateDir(name)
    ? [
        ["StateDirectory", [stateDir.replace(/^\/var\/lib\//, "")]],
        ["StateDirectoryMode", 0o700],
      ]
    : [];

export function fileSystem(spec: InstanceSpec, host: Host): UnitProperty[] {
  const made = stateDirectory(spec);
  const writes = new Set([
    spec.directory,
    ...(made.length === 0 ? [spec.stateDir] : []),
    ...spec.sandbox.readWritePaths,
  ]);
  const there = [...host.runtimePaths.map(plainPath), ...Object.keys(host.links), ...host.files];
  const reads = [...new Set(readOnly(spec, host))].filter((path) => {
    const plain = plainPath(path);
    return !writes.has(plain) && !there.some((above) => isWithin(plain, above));
  });
  return [
    ["RootDirectory", rootDir(spec.name)],
    ...made,
    ["BindPaths", [...writes].map(bind)],
    ["BindReadOnlyPaths", [...host.runtimePaths, ...reads].map(bind)],
    ["RequiresMountsFor", [spec.directory, spec.stateDir]],
  ];
}

/**
 * The server does not change its own configuration: setup writes `~/.config/opencode`, main only reads it. `~/.config` is
 * made a mount of its own so that it cannot be moved away with what is below it. `+`: relative to {@link rootDir}.
 */
export const configReadOnly = ({ stateDir }: InstanceSpec): UnitProperty[] => [
  ["ReadWritePaths", [`+${stateDir}/.config`]],
  ["ReadOnlyPaths", [`+${stateDir}/.config/opencode`]],
];
