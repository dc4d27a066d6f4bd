/** `reload`, and `start` without a name: have the supervisor take in what it has, and say what is wrong afterwards. */
import { INSTANCE_FILE, SUPERVISOR_UNIT, TARGET } from "../spec/names.ts";
import type { Call } from "./command.ts";
import { EX } from "./exit.ts";
import { followAll, meanwhile, overall } from "./follow.ts";
import { readInstances } from "./instance-files.ts";
import { status } from "./status.ts";
import { systemctl } from "./systemctl.ts";

/** Returns once every policy is in force, with --wait once all are up or have failed; exits 1 when something needs a person. */
export async function reload({ wait, json }: Call["options"]): Promise<number> {
  const code = await meanwhile(systemctl("reload", SUPERVISOR_UNIT));
  if (code !== 0) return refused();
  if (wait !== true) return status(undefined, json === true);
  const { target } = await overall();
  return settled(target === "active" ? await enabled() : 0, json === true);
}

/** Starts opencode.target with all that belongs to it; returns once all are up or have failed. */
export async function startAll({ json }: Call["options"]): Promise<number> {
  const code = await meanwhile(systemctl("start", TARGET));
  return code === 0 ? settled(await enabled(), json === true) : refused();
}

/** systemctl has said why. */
const refused = (): number => (process.getuid?.() === 0 ? EX.UNAVAILABLE : EX.NOPERM);

async function settled(least: number, json: boolean): Promise<number> {
  const isOver = await followAll({ least });
  const code = await status(undefined, json);
  return isOver ? code : EX.FAILURE;
}

/** How many instances the file wants; a supervisor that has just been told may not have them all yet. */
const enabled = (): Promise<number> =>
  readInstances(INSTANCE_FILE).then(
    ({ specs }) => [...specs.values()].filter(({ enable }) => enable).length,
    () => 0,
  );
