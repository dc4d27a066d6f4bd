/**
 * The password of an instance's server: the operator's (`passwordFile`), or one made once and kept, readable by root only.
 * It reaches the unit by an `EnvironmentFile=` that only root can read; `Environment=` could be read by every user.
 */
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { credentialFile, STATE_DIR } from "../../spec/names.ts";
import { ProblemError } from "../../spec/problem.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import { ensureDirectory, readText, writeIfChanged } from "./files.ts";

/** User name of HTTP Basic authentication at an opencode server. */
export const SERVER_USER = "opencode";
const PASSWORDS = `${STATE_DIR}/passwords`;
const MAX_BYTES = 4096;
const ROOT_ONLY = { mode: 0o600 };

/** Make what the unit needs to read; answers with the password. Throws {@link ProblemError} for an unusable passwordFile. */
export async function ensureCredentials(spec: InstanceSpec): Promise<string> {
  const password = await readPassword(spec);
  writeIfChanged(credentialFile(spec.name), environmentLine("OPENCODE_SERVER_PASSWORD", password), ROOT_ONLY);
  return password;
}

/** The password to start the server with: the operator's, or our own. Throws {@link ProblemError}. */
export const readPassword = (spec: InstanceSpec): Promise<string> =>
  spec.passwordFile === null ? ownPassword(spec.name) : readPasswordFile(spec, spec.passwordFile);

/** The password that the server was started with; a file of the operator's may say another one since. */
export async function passwordInUse(spec: InstanceSpec): Promise<string> {
  const line = readText(credentialFile(spec.name));
  const quoted = /^OPENCODE_SERVER_PASSWORD="(.*)"$/m.exec(line ?? "")?.[1];
  return quoted === undefined ? await ensureCredentials(spec) : quoted.replace(/\\(.)/g, "$1");
}

async function ownPassword(name: string): Promise<string> {
  ensureDirectory(PASSWORDS, 0o700);
  const path = `${PASSWORDS}/${name}`;
  const kept = readText(path)?.trim();
  if (kept !== undefined && kept !== "") return kept;
  const made = randomBytes(24).toString("base64url");
  writeIfChanged(path, `${made}\n`, ROOT_ONLY);
  return made;
}

async function readPasswordFile(spec: InstanceSpec, path: string): Promise<string> {
  const wrong = (what: string, fix: string) =>
    new ProblemError({ instance: spec.name, field: "passwordFile", what: `${path} ${what}`, fix });
  const content = await readBounded(path).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`cannot be read (${error.code})`, "write the path of a file that root can read");
  });
  const password = content.replace(/\r?\n$/, "");
  if (password === "") throw wrong("is empty", "put the password on its first line");
  if (/[\p{Cc}]/u.test(password))
    throw wrong("holds more than one line or control characters", "put the password alone on its first line");
  return password;
}

/** At most {@link MAX_BYTES} of a regular file; a FIFO does not hold us up. */
async function readBounded(path: string): Promise<string> {
  const { O_RDONLY, O_NONBLOCK } = (await import("node:fs")).constants;
  const file = await open(path, O_RDONLY | O_NONBLOCK);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** One line of an `EnvironmentFile=`, quoted as systemd.exec(5) has it. */
export const environmentLine = (name: string, value: string): string =>
  `${name}="${value.replace(/[\\"$`]/g, "\\$&")}"\n`;
