/**
 * The state of instances: where it is and whose. `/var/lib/opencode-supervisor/states/<name>` says where an instance kept its
 * state when it was last started. A `stateDir` or `user` that would leave it behind, or have it given away, is refused
 * before anything is stopped. What is left of instances that are no longer in the file is listed; nothing is ever deleted.
 */
import { lstat, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { defaultStateDir, mainUnit, STATE_DIR, STATE_ROOT } from "../../spec/names.ts";
import { type Problem, ProblemError } from "../../spec/problem.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import type { Accounts } from "./accounts.ts";
import { isMissing, readText, writeIfChanged } from "./files.ts";

const RECORDS = `${STATE_DIR}/states`;
const recordOf = (name: string): string => `${RECORDS}/${name}`;

const listed = (path: string): Promise<string[]> =>
  readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });

/** Whether there is a directory with anything in it. */
async function isFilled(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  return found?.isDirectory() === true && (await listed(path)).length > 0;
}

/** Write down where the instance keeps its state. */
export const recordState = (spec: InstanceSpec): boolean =>
  writeIfChanged(recordOf(spec.name), `${spec.stateDir}\n`, { mode: 0o600 });

async function checkMoved({ name, stateDir }: InstanceSpec): Promise<Problem | null> {
  const kept = readText(recordOf(name))?.trim() ?? stateDir;
  if (kept === stateDir || !(await isFilled(kept))) return null;
  const move = `systemctl stop ${mainUnit(name)} && mkdir -p ${dirname(stateDir)} && mv -T ${kept} ${stateDir}`;
  return {
    ...{ instance: name, field: "stateDir" },
    what: `its state is in ${kept} and would be left behind there`,
    fix: `write ${kept}, or move it: ${move}; to begin anew: rm ${recordOf(name)}`,
  };
}

/**
 * The state directory is a directory of the user's. The default one is systemd's to make (`StateDirectory=`): given one of
 * somebody else's, it would give away everything in it, hard links to other files too.
 */
export async function checkStateDir(spec: InstanceSpec, uid: number | null): Promise<Problem | null> {
  const { name, stateDir, user, group } = spec;
  const problem = (what: string, fix: string): Problem => ({ instance: name, field: "stateDir", what, fix });
  const made = `make it: install -d -m 0700 -o ${user} -g ${group} ${stateDir}`;
  const isDefault = stateDir === defaultStateDir(name);
  const found = await lstat(stateDir).catch(() => null);
  if (found === null) return isDefault ? null : problem(`${stateDir} does not exist`, made);
  if (!found.isDirectory()) return problem(`${stateDir} is not a directory`, `move it away, and ${made}`);
  if (found.uid === uid || (isDefault && found.uid === 0 && !(await isFilled(stateDir)))) return null;
  const given = `systemctl stop ${mainUnit(name)} && chown -hR ${user}:${group} ${stateDir}`;
  const fix = `name the user whose it is, or give it away: ${given}`;
  return problem(`${stateDir} belongs to user id ${found.uid}, not to ${user}`, fix);
}

/** Whether the instance can be changed to this. Throws {@link ProblemError} while it runs on as it was. */
export async function admit(spec: InstanceSpec, accounts: Accounts): Promise<void> {
  const user = await accounts.user(spec.user);
  const moved = await checkMoved(spec);
  // The user of an instance that was never started is made later; a directory that is not there, too.
  const known = moved ?? ((await isFilled(spec.stateDir)) ? await checkStateDir(spec, user?.id ?? null) : null);
  if (known !== null) throw new ProblemError(known);
}

/** Where others than these instances kept their state, by name: what was written down, and what is at the default place. */
export async function readStates(known: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const lists = await Promise.all([listed(RECORDS), listed(STATE_ROOT)]);
  const [records = [], directories = []] = lists.map((names) => names.filter((name) => !known.has(name)));
  const kept = records
    .filter((name) => !name.includes("."))
    .map((name) => [name, readText(recordOf(name))?.trim() ?? ""] as const);
  const all = new Map([...directories.map((name) => [name, defaultStateDir(name)] as const), ...kept]);
  const filled = await Promise.all(
    [...all].map(async ([name, path]) => ((await isFilled(path)) ? [[name, path] as const] : [])),
  );
  return new Map(filled.flat());
}
