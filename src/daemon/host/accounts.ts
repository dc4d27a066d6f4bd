/**
 * Users and groups of the host. Looked up in /etc/passwd and /etc/group, else by getent(1) (LDAP, systemd-userdb);
 * instances' own users are made by sysusers.d(5), through the unit `opencode-supervisor-sysusers.service`.
 */
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { RUNTIME_DIR } from "../../spec/names.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import { shared } from "../shared.ts";
import type { Systemd } from "../systemd/port.ts";
import { writeIfChanged } from "./files.ts";

const run = promisify(execFile);

export interface Account {
  readonly id: number;
  /** Primary group of a user; the id itself for a group. */
  readonly gid: number;
}

type Database = "passwd" | "group";
interface Cached {
  readonly mtimeMs: number;
  readonly accounts: ReadonlyMap<string, Account>;
}

export const SYSUSERS_CONF = `${RUNTIME_DIR}/sysusers.conf`;
const SYSUSERS_UNIT = "opencode-supervisor-sysusers.service";

/** One line of passwd(5) or group(5). */
function parseLine(line: string): [string, Account] | null {
  const [name, , id, gid] = line.split(":");
  if (name === undefined || id === undefined || !/^\d+$/.test(id)) return null;
  return [name, { id: Number(id), gid: Number(/^\d+$/.test(gid ?? "") ? gid : id) }];
}

export class Accounts {
  readonly #systemd: Systemd;
  readonly #cache = new Map<Database, Cached>();
  /** Users asked for, made together by the next run of sysusers; a run under way may have read its file already. */
  readonly #wanted = new Map<string, InstanceSpec>();
  readonly #makeWanted = shared(() => this.#make());

  constructor(systemd: Systemd) {
    this.#systemd = systemd;
  }

  user = (name: string): Promise<Account | null> => this.#find("passwd", name);
  group = (name: string): Promise<Account | null> => this.#find("group", name);

  /** Have the instance's own user and group made; calls that come together share one run. */
  make(spec: InstanceSpec): Promise<void> {
    this.#wanted.set(spec.user, spec);
    return this.#makeWanted();
  }

  async #make(): Promise<void> {
    const specs = [...this.#wanted.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    writeIfChanged(SYSUSERS_CONF, sysusersConf(specs), { mode: 0o644 });
    await this.#systemd.start(SYSUSERS_UNIT);
  }

  async #find(database: Database, name: string): Promise<Account | null> {
    const known = (await this.#load(database)).get(name);
    if (known !== undefined) return known;
    const line = await run("getent", [database, name]).then(
      ({ stdout }) => stdout.trim(),
      () => "",
    );
    return parseLine(line)?.[1] ?? null;
  }

  async #load(database: Database): Promise<ReadonlyMap<string, Account>> {
    const path = `/etc/${database}`;
    const { mtimeMs } = await stat(path);
    const cached = this.#cache.get(database);
    if (cached?.mtimeMs === mtimeMs) return cached.accounts;
    const lines = (await readFile(path, "utf8")).split("\n").map(parseLine);
    const accounts = new Map(lines.filter((line) => line !== null));
    this.#cache.set(database, { mtimeMs, accounts });
    return accounts;
  }
}

/**
 * sysusers.d(5) lines: a user of its own, with a group of the same name, for each instance. A `%` is written twice: one line
 * with a specifier that means nothing there, and no user is made of the others either.
 */
export const sysusersConf = (specs: readonly InstanceSpec[]): string =>
  specs
    .map(({ name, user, stateDir }) => `u ${user} - "opencode ${name}" ${stateDir.replaceAll("%", "%%")}\n`)
    .join("");
