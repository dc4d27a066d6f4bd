/** `reload` and `start`: have the supervisor take the instance file in, and say what is wrong afterwards. */
import { removeMarker } from "../daemon/host/markers.ts";
import { EX } from "./exit.ts";
import { status } from "./status.ts";
import { systemctl } from "./systemctl.ts";

/** Returns once every policy is in force; prints the status, exits 1 when something needs a person. */
export async function reload(_args: readonly string[]): Promise<number> {
  const code = await systemctl("reload", "opencode-supervisor.service");
  return code === 0 ? status([]) : EX.UNAVAILABLE;
}

/** A unit stopped by hand stays stopped until it is forgotten that it was started; then a reload starts it. */
export async function start([name]: readonly string[]): Promise<number> {
  if (name === undefined || !/^[a-z][a-z0-9-]*$/.test(name)) {
    process.stderr.write("usage: opencode-supervisor start NAME\n");
    return EX.USAGE;
  }
  await removeMarker(name);
  const code = await systemctl("reload", "opencode-supervisor.service");
  return code === 0 ? status([name]) : EX.UNAVAILABLE;
}
