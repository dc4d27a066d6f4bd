/**
 * What exists in the instance's file system. Its root is an empty directory; only what is bound here is seen. systemd
 * resolves a source as root: none may lie below a directory that an instance can write (`src/spec` refuses those).
 */
import { dirname } from "node:path";
import { configTarget, defaultStateDir, rootDir } from "../spec/names.ts";
import { ProblemError } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { type BindPath, MS_REC, type UnitProperty } from "../spec/unit.ts";
import type { Host } from "./host.ts";

/** A path bound at its own place; with a leading `-`, ignored when missing. */
function bind(path: string): BindPath {
  const plain = path.replace(/^-/, "");
  return [plain, plain, plain !== path, MS_REC];
}

const within = (path: string, above: string): boolean => path === above || path.startsWith(`${above}/`);

type Source = readonly [field: string, path: string];

/** What the operator's options bind, by the field that names it. */
function readOnly(spec: InstanceSpec): Source[] {
  const list = (field: string, paths: readonly string[]): Source[] =>
    paths.map((path, at) => [`${field}[${at}]`, path]);
  const { command, configDirFiles, sandbox } = spec;
  return [
    ...list("command", command?.[0]?.startsWith("/") ? [command[0]] : []),
    ...(spec.package === null ? [] : [["package", spec.package] as const]),
    ...list("path", spec.path),
    ["configFile", configTarget(spec)],
    ...Object.entries(configDirFiles).map(([to, from]) => [`configDirFiles.${to}`, from] as const),
    ...list("sandbox.readOnlyPaths", sandbox.readOnlyPaths),
    // A read-only mount does not keep anybody from connecting to a socket in it.
    ...list("sandbox.unixSockets.allow", sandbox.unixSockets.allow),
  ];
}

function writable(spec: InstanceSpec): Source[] {
  const paths = spec.sandbox.readWritePaths.map((path, at) => [`sandbox.readWritePaths[${at}]`, path] as const);
  return [["directory", spec.directory], ["stateDir", spec.stateDir], ...paths];
}

/** systemd 257 writes the binds of a transient unit as they are: after a daemon-reload it reads these as something else. */
const UNSPEAKABLE = /[\s:"'\\]/;

/** The paths alone, each once. */
function pathsOf(spec: InstanceSpec, sources: readonly Source[]): string[] {
  for (const [field, path] of sources) {
    if (!UNSPEAKABLE.test(path)) continue;
    const what = `${JSON.stringify(path)} holds a blank, a colon, a quote or a backslash, which systemd cannot bind reliably`;
    throw new ProblemError({
      instance: spec.name,
      field,
      what,
      fix: "write a path without them; a bind mount or a link can lead there",
    });
  }
  return [...new Set(sources.map(([, path]) => path))];
}

/** The default state directory is systemd's to make, with owner and mode; another one is bound as it is. */
const stateDirectory = ({ name, stateDir }: InstanceSpec): UnitProperty[] =>
  stateDir === defaultStateDir(name)
    ? [
        ["StateDirectory", [stateDir.replace(/^\/var\/lib\//, "")]],
        ["StateDirectoryMode", 0o700],
      ]
    : [];

/** @throws ProblemError for a path that systemd cannot bind */
export function fileSystem(spec: InstanceSpec, host: Host): UnitProperty[] {
  const { init, node, setup } = host.programs;
  const made = stateDirectory(spec);
  const writes = pathsOf(spec, writable(spec)).filter((path) => made.length === 0 || path !== spec.stateDir);
  const runtime = host.runtimePaths.map((path) => path.replace(/^-/, ""));
  const reads = new Set([init, node, dirname(setup), ...pathsOf(spec, readOnly(spec))]);
  const readable = [...reads].filter((path) => !writes.includes(path) && !runtime.some((above) => within(path, above)));
  return [
    ["RootDirectory", rootDir(spec.name)],
    ...made,
    ["BindPaths", writes.map(bind)],
    ["BindReadOnlyPaths", [...host.runtimePaths, ...readable].map(bind)],
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
