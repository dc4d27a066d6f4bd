/**
 * What exists in the instance's file system. Its root holds links and its own accounts (src/daemon/host/root.ts); all else
 * that is seen is bound here. systemd resolves a source as root: none may lie below a directory that an instance can write
 * (`src/spec` refuses those).
 */
import { dirname } from "node:path";
import { configTarget, defaultStateDir, isWithin, rootDir } from "../spec/names.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { type BindPath, MS_REC, type UnitProperty } from "../spec/unit.ts";
import { type Host, plainPath, type Runtime } from "./host.ts";

/** A path bound at its own place, or at the one after a colon; with a leading `-`, ignored when missing. */
function bind(path: string): BindPath {
  const [source = "", destination = source] = plainPath(path).split(":");
  return [source, destination, path.startsWith("-"), MS_REC];
}

/**
 * Whether a socket may be missing when the instance starts: the daemon binds it when it is there. Below these directories
 * nothing can be made later (`ProtectHome=tmpfs` mounts them read-only).
 */
export const maybeLater = (socket: string): boolean =>
  !["/home", "/root", "/run/user"].some((above) => isWithin(socket, above));

/** What is needed besides the runtime and our own programs: its command, config, files, and what was opened for reading. */
function given(spec: InstanceSpec): string[] {
  const program = spec.command?.[0];
  return [
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

/**
 * Directories that are bound as they are in place of what is kept of them for all: of these the instance was given something,
 * which may be more than everybody may read.
 */
export const boundWhole = (spec: InstanceSpec, { directories }: Runtime): string[] =>
  directories.filter((directory) => given(spec).some((path) => isWithin(path, directory)));

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
  const { runtimePaths, links, files, directories, programs } = host;
  const there = [...runtimePaths.map(plainPath), ...Object.keys(links), ...files, ...directories];
  const wanted = new Set([programs.init, programs.node, dirname(programs.setup), ...given(spec)]);
  const reads = [...wanted].filter((path) => {
    const plain = plainPath(path);
    return !writes.has(plain) && !there.some((above) => isWithin(plain, above));
  });
  const whole = boundWhole(spec, host).map((directory) => `-${directory}`);
  const binds = [...runtimePaths, ...whole, ...reads].map(bind);
  return [
    ["RootDirectory", rootDir(spec.name)],
    ...made,
    ["BindPaths", [...writes].map(bind)],
    ["BindReadOnlyPaths", binds.filter(([source, path]) => source === path || !wanted.has(path))],
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
