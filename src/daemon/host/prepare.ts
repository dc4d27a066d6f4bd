/**
 * The `prepare` step: what must be on disk before an instance's units can start, and the checks that give an operator a
 * sentence where systemd would give an exit status. Nothing here walks a path that an instance can write.
 */
import { stat } from "node:fs/promises";
import { maybeLater } from "../../sandbox/binds.ts";
import type { Runtime } from "../../sandbox/host.ts";
import { credentialFile, mainUnit, RUNTIME_DIR, renderedConfig, rootDir, setupUnit } from "../../spec/names.ts";
import { type Problem, ProblemError } from "../../spec/problem.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import type { Accounts } from "./accounts.ts";
import { ensureCredentials } from "./credentials.ts";
import { checkDirectives, type Role } from "./directives.ts";
import { readText, remove, writeIfChanged } from "./files.ts";
import type { HostFiles } from "./host-files.ts";
import { type Ids, makeRoot } from "./root.ts";
import { recordSecrets, secretRecord } from "./secrets.ts";
import { checkStateDir, recordState } from "./states.ts";

interface Needed {
  readonly field: string;
  readonly path: string;
  readonly kind: "directory" | "file" | "path";
}

/** Everything on the host that the instance's units bind or read, by the field that names it. */
function neededPaths(spec: InstanceSpec): Needed[] {
  const each = (field: string, paths: readonly string[]): Needed[] =>
    paths.map((path, index) => ({ field: `${field}[${index}]`, path, kind: "path" }));
  const one = (field: string, path: string | null, kind: Needed["kind"]): Needed[] =>
    path === null ? [] : [{ field, path, kind }];
  return [
    ...one("directory", spec.directory, "directory"),
    ...one("package", spec.package, "directory"),
    ...one("command", ownProgram(spec), "file"),
    ...one("configFile", spec.configFile, "file"),
    ...one("environmentFile", spec.environmentFile, "file"),
    ...Object.entries(spec.configDirFiles).flatMap(([to, from]) => one(`configDirFiles."${to}"`, from, "path")),
    ...each("path", spec.path),
    ...each("sandbox.readWritePaths", spec.sandbox.readWritePaths),
    ...each("sandbox.readOnlyPaths", spec.sandbox.readOnlyPaths),
  ];
}

/** Sockets are bound from where only root or their server can put something; one that is not there yet is bound later. */
async function checkSockets({ name, sandbox }: InstanceSpec): Promise<(Problem | null)[]> {
  const { allow } = sandbox.unixSockets;
  if (allow.length === 0) return [];
  const { socketPlace, wayTo } = await import("../follow/way.ts");
  const check = async (path: string, index: number): Promise<Problem | null> => {
    const place = socketPlace(await wayTo(path));
    const problem = { instance: name, field: `sandbox.unixSockets.allow[${index}]` };
    if (place.kind === "refused") return { ...problem, what: place.why, fix: OWN_PLACE };
    if (place.kind === "socket" || maybeLater(path)) return null;
    return {
      ...problem,
      what: `${path} does not exist`,
      fix: "start its server first: below a home nothing is bound later",
    };
  };
  return Promise.all(allow.map(check));
}
const OWN_PLACE = "write the socket's own path, and have its server make it in a directory of its own";

/** The program of `command`, unless it is looked for on PATH or lies where the instance may write. */
function ownProgram({ command, directory, stateDir, sandbox }: InstanceSpec): string | null {
  const program = command?.[0] ?? "";
  const writable = [directory, stateDir, ...sandbox.readWritePaths];
  return program.startsWith("/") && !writable.some((path) => program.startsWith(`${path}/`)) ? program : null;
}

const FIX: Readonly<Record<Needed["kind"], (spec: InstanceSpec, path: string) => string>> = {
  directory: (spec, path) => `make it: install -d -o ${spec.user} -g ${spec.group} ${path}`,
  file: () => "write the path of a file that is there",
  path: () => "make it, or take it out of the list",
};

async function checkPath(spec: InstanceSpec, { field, path, kind }: Needed): Promise<Problem | null> {
  const problem = (what: string): Problem => ({ instance: spec.name, field, what, fix: FIX[kind](spec, path) });
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error)
    return problem(found.code === "ENOENT" ? `${path} does not exist` : `${path}: ${found.message}`);
  if (kind === "directory" && !found.isDirectory()) return problem(`${path} is not a directory`);
  if (kind === "file" && !found.isFile()) return problem(`${path} is not a file`);
  return null;
}

async function findAccounts(spec: InstanceSpec, accounts: Accounts): Promise<Ids> {
  const missing = (field: string, what: string, fix: string) =>
    new ProblemError({ instance: spec.name, field, what, fix });
  if (spec.ownUser && (await accounts.user(spec.user)) === null) await accounts.make(spec);
  const user = await accounts.user(spec.user);
  if (user === null)
    throw missing("user", `user ${spec.user} does not exist`, "make it, or leave `user` out to have one made");
  if (user.id === 0) throw missing("user", `user ${spec.user} is root`, "write an unprivileged user");
  const group = await accounts.group(spec.group);
  if (group === null) throw missing("group", `group ${spec.group} does not exist`, "make it, or leave `group` out");
  const extra = new Map<string, number>();
  for (const name of spec.extraGroups) {
    const found = await accounts.group(name);
    if (found === null) throw missing("extraGroups", `group ${name} does not exist`, "make it, or take it out");
    extra.set(name, found.id);
  }
  return { uid: user.id, gid: group.id, extra };
}

/** Everything of {@link neededPaths} at once; throws the first problem, saying how many more there are. */
async function checkPaths(spec: InstanceSpec, uid: number): Promise<void> {
  const checks = [checkStateDir(spec, uid), ...neededPaths(spec).map((needed) => checkPath(spec, needed))];
  const found = [...(await Promise.all(checks)), ...(await checkSockets(spec))];
  const [first, ...more] = found.filter((problem) => problem !== null);
  if (first === undefined) return;
  const fix = more.length === 0 ? first.fix : `${first.fix} (and ${more.length} more like it)`;
  throw new ProblemError({ ...first, fix });
}

/** Where the directives of `sandbox.serviceConfig` go, for a unit; systemd.unit(5) drop-ins apply to transient units too. */
const dropInPath = (unit: string): string => `/run/systemd/system/${unit}.d/50-service-config.conf`;

/** Text of each unit's drop-in; null for none. */
export type DropIns = Readonly<Record<Role, string | null>>;

/** Put a drop-in in place; one that is there already was taken by systemd before. */
async function placeDropIn({ name }: InstanceSpec, role: Role, text: string | null): Promise<void> {
  const unit = role === "main" ? mainUnit(name) : setupUnit(name);
  if (text === null) return remove(`/run/systemd/system/${unit}.d`);
  if (readText(dropInPath(unit)) === text) return;
  const problem = await checkDirectives(name, role, text);
  if (problem !== null) throw new ProblemError(problem);
  writeIfChanged(dropInPath(unit), text, { mode: 0o644 });
}

export class Preparer {
  readonly #accounts: Accounts;
  readonly #runtime: Runtime;
  readonly #hostFiles: HostFiles;
  constructor(accounts: Accounts, runtime: Runtime, hostFiles: HostFiles) {
    this.#accounts = accounts;
    this.#runtime = runtime;
    this.#hostFiles = hostFiles;
  }

  /** Make user, root, config, credentials and drop-ins. Throws {@link ProblemError} when the instance cannot be started. */
  async prepare(spec: InstanceSpec, dropIns: DropIns): Promise<void> {
    const ids = await findAccounts(spec, this.#accounts);
    await checkPaths(spec, ids.uid);
    recordState(spec);
    makeRoot(spec, ids, this.#runtime);
    this.#hostFiles.ensure();
    if (spec.configFile === null) {
      writeIfChanged(renderedConfig(spec.name), renderConfig(spec), { mode: 0o440, gid: ids.gid });
    }
    await recordSecrets(spec);
    await ensureCredentials(spec);
    await placeDropIn(spec, "main", dropIns.main);
    await placeDropIn(spec, "setup", dropIns.setup);
  }

  /** Take away what {@link prepare} made, but for users and the password: they are state. */
  clean(name: string): void {
    const units = [mainUnit(name), setupUnit(name)].map((unit) => `/run/systemd/system/${unit}.d`);
    const ours = [rootDir(name), `${RUNTIME_DIR}/config/${name}`, credentialFile(name), secretRecord(name), ...units];
    for (const path of ours) remove(path);
    this.#hostFiles.removeUnused();
  }
}

/** opencode.json from the literal `config`; `$schema` is what opencode would write into the file itself. */
export const renderConfig = (spec: Pick<InstanceSpec, "config">): string =>
  `${JSON.stringify({ $schema: "https://opencode.ai/config.json", ...spec.config }, null, 2)}\n`;
