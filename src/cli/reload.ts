/** `reload`: have the supervisor take the instance file in, and say what is wrong afterwards. */
import { EX } from "./exit.ts";
import { status } from "./status.ts";
import { systemctl } from "./systemctl.ts";

/** Returns once every policy is in force; prints the status, exits 1 when something needs a person. */
export async function reload(): Promise<number> {
  const code = await systemctl("reload", "opencode-supervisor.service");
  return code === 0 ? status(undefined, false) : EX.UNAVAILABLE;
}
