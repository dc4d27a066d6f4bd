/** Every place where an instance names a path of the host, and what becomes of the path there. */
import type { InstanceSpec } from "../schema.ts";
import { fieldOf } from "../text.ts";
import { items, type Subject, single } from "./check.ts";

/**
 * - `write`: bound read-write · `state`: the same, and private to the instance · `share`: bound read-only
 * - `config`: a file that tells opencode what to do, bound read-only · `secret`: read by root, not bound
 */
export type PathKind = "write" | "state" | "share" | "config" | "secret";

export interface PathUse {
  readonly instance: string;
  readonly field: string;
  readonly kind: PathKind;
  readonly path: string;
}

type Places = readonly (readonly [field: string, path: string])[];
type Reader = (subject: Subject, spec: InstanceSpec) => Places;

const READERS: readonly (readonly [PathKind, Reader])[] = [
  ["write", (subject, { directory }) => single(subject, "directory", directory)],
  ["state", (subject, { stateDir }) => single(subject, "stateDir", stateDir)],
  ["write", (subject, { sandbox }) => items(subject, "sandbox.readWritePaths", sandbox.readWritePaths)],
  ["share", (subject, { sandbox }) => items(subject, "sandbox.readOnlyPaths", sandbox.readOnlyPaths)],
  ["share", (subject, { sandbox }) => items(subject, "sandbox.unixSockets.allow", sandbox.unixSockets.allow)],
  ["share", (subject, spec) => single(subject, "package", spec.package)],
  ["config", (subject, { configFile }) => single(subject, "configFile", configFile)],
  [
    "config",
    (_subject, { configDirFiles }) =>
      Object.entries(configDirFiles).map(([target, source]) => [fieldOf(["configDirFiles", target]), source]),
  ],
  ["secret", (subject, { passwordFile }) => single(subject, "passwordFile", passwordFile)],
  ["secret", (subject, { environmentFile }) => single(subject, "environmentFile", environmentFile)],
  ["share", (subject, { path }) => items(subject, "path", path)],
  [
    "share",
    (subject, { command }) =>
      items(subject, "command", command?.slice(0, 1) ?? []).filter(([, program]) => program.startsWith("/")),
  ],
];

export const pathUses = (subject: Subject): PathUse[] =>
  READERS.flatMap(([kind, read]) =>
    read(subject, subject.spec).map(([field, path]) => ({ instance: subject.spec.name, field, kind, path })),
  );
