/** What has to be right before the server can start, and is the operator's to mend: nothing is changed here. */
import { accessSync, constants, readFileSync, type Stats, statSync } from "node:fs";
import { EXIT } from "./exit.ts";
import { Failure, user } from "./failure.ts";
import { configFault } from "./jsonc.ts";

/** stat(2); null when there is nothing, or it cannot be reached. */
function follow(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** `directory` or HOME: there, a directory, and the user's to write. */
export function checkWritable(noun: string, path: string): void {
  const found = follow(path);
  if (found === null)
    throw new Failure(EXIT.config, `${noun} ${path} does not exist`, `run: install -d -o ${user} ${path}`);
  if (!found.isDirectory())
    throw new Failure(EXIT.config, `${noun} ${path} is not a directory`, "write the path of a directory");
  if (!may(path, constants.R_OK | constants.W_OK | constants.X_OK))
    throw new Failure(
      EXIT.noPermission,
      `${noun} ${path} is not writable by user ${user}`,
      `run: chown ${user} ${path}`,
    );
}

/** A file of the operator's that the instance reads. */
export function checkReadable(noun: string, path: string): void {
  const found = follow(path);
  if (found === null)
    throw new Failure(EXIT.config, `${noun} ${path} does not exist`, "write the path of a file that is there");
  if (!found.isFile() && !found.isDirectory())
    throw new Failure(EXIT.config, `${noun} ${path} is not a file`, "write the path of a file");
  if (!may(path, constants.R_OK))
    throw new Failure(
      EXIT.noPermission,
      `${noun} ${path} is not readable by user ${user}`,
      `run: setfacl -m u:${user}:r ${path}`,
    );
}

/** The config: opencode ignores one that it cannot read, and asks the vendor's model. */
export function checkConfig(path: string): void {
  checkReadable("config", path);
  if (!statSync(path).isFile())
    throw new Failure(EXIT.config, `config ${path} is a directory`, "write the path of a file");
  const fault = configFault(readFileSync(path, "utf8"));
  if (fault !== null)
    throw new Failure(
      EXIT.config,
      `config ${path} ${fault}`,
      "write a JSON object; comments and trailing commas are allowed",
    );
}
