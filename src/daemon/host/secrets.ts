/**
 * What the files of an instance held when it was started, as hashes: `/run/opencode-supervisor/secrets/<name>`, which only root
 * can read (a hash of a short password gives it away, so it is not for `LogExtraFields=`). Written before the files are
 * used: what changes from then on is another content, for this daemon and for the next.
 */
import { RUNTIME_DIR } from "../../spec/names.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import { fileHash } from "./config-hash.ts";
import { readPassword } from "./credentials.ts";
import { readText, remove, writeIfChanged } from "./files.ts";

const FIELDS = ["environmentFile", "configFile", "passwordFile"] as const;
export const secretRecord = (name: string): string => `${RUNTIME_DIR}/secrets/${name}`;

/** The files that the instance has in use: field and path. */
export const secretFiles = (spec: InstanceSpec): (readonly [field: string, path: string])[] =>
  FIELDS.flatMap((field) => (spec[field] === null ? [] : [[field, spec[field]] as const]));

/** `environmentFile=<SHA-256>`, a line each; null when one of them cannot be used as it is now. */
async function hashes(spec: InstanceSpec): Promise<readonly string[] | null> {
  const files = secretFiles(spec);
  if (spec.passwordFile !== null && (await readPassword(spec).catch(() => null)) === null) return null;
  const found = await Promise.all(files.map(([, path]) => fileHash(path)));
  return found.includes(null) ? null : files.map(([field], index) => `${field}=${found[index]}`);
}

/** Write down what the files hold, for an instance that is about to be started with them. */
export async function recordSecrets(spec: InstanceSpec): Promise<void> {
  const lines = await hashes(spec);
  if (lines === null || lines.length === 0) return remove(secretRecord(spec.name));
  writeIfChanged(secretRecord(spec.name), lines.join("\n"), { mode: 0o600 });
}

/**
 * Fields whose files hold something else than when the instance was started. None when that is not known, nor while one of
 * the files is missing or unusable: it may be under way, and who was started with the old one runs on.
 */
export async function changedSecrets(spec: InstanceSpec): Promise<readonly string[]> {
  const now = await hashes(spec);
  const before = readText(secretRecord(spec.name)); // last: a start that is under way writes it
  return now === null || before === null ? [] : differing(before.split("\n"), now);
}

/** Fields of the lines in `now` that were not so `before`. Pure. */
export const differing = (before: readonly string[], now: readonly string[]): string[] =>
  now.filter((line) => !before.includes(line)).map((line) => line.replace(/=.*/, ""));
