/**
 * A disposable machine that is switched between generations as NixOS switches: golden output under /etc by links into a
 * store whose files are all of the year 1970, accounts made, systemd reloaded, the supervisor told. What is not ours on
 * NixOS (its own packages and units) is Debian's.
 */
import { Type } from "typebox";
import { Value } from "typebox/value";
import { golden, type Tree } from "../../scripts/nix-golden.ts";
import { SUPERVISOR_SOCKETS, SUPERVISOR_UNIT, TARGET } from "../../src/spec/names.ts";
import { INSTALLED, NODE_DIR, opencodeBinary } from "../../testbed/host.ts";
import type { Machine } from "../../testbed/machine.ts";

const HostFacts = Type.Object({
  users: Type.Record(Type.String(), Type.Object({ group: Type.String(), home: Type.String() })),
});

/** The programs of a package of the golden output, by the package's name. */
const CONTENT: Readonly<Record<string, readonly [link: string, target: string]>> = {
  bash: ["bin", "/usr/bin"],
  coreutils: ["bin", "/usr/bin"],
  jq: ["bin", "/usr/bin"],
  node: ["bin", `${INSTALLED}/${NODE_DIR}/bin`],
  opencode: ["bin/opencode", `${INSTALLED}/${opencodeBinary()}`],
  "opencode-supervisor": ["lib/opencode-supervisor", INSTALLED],
};

/** Shell that makes what golden output names in the store. */
function storeScript(tree: Tree): string {
  const named = [...tree.values()].flatMap((text) => text.match(/\/nix\/store\/[0-9a-f]{32}-[a-z-]+/g) ?? []);
  return [...new Set(named)]
    .map((path) => {
      const [link, target] = CONTENT[path.replace(/^.{44}/, "")] ?? [];
      return link === undefined
        ? ""
        : `[ -L ${path}/${link} ] || { mkdir -p ${path}/${link}; rmdir ${path}/${link}; ln -sT ${target} ${path}/${link}; }\n`;
    })
    .join("");
}

/** Hosts' names, and `none`: a configuration without the module. */
export type Generation = "two-projects" | "first" | "second" | "everything" | "scenes" | "none";

export class NixosHost {
  readonly machine: Machine;

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Makes /etc of a machine on which the supervisor is installed NixOS', still without the module. */
  static async on(machine: Machine): Promise<NixosHost> {
    const host = new NixosHost(machine);
    await machine.sh(
      "mkdir -p /nix/store /run/secrets; cp -a /etc/systemd/system /nix/units; rm -rf /etc/systemd/system",
    );
    await host.activate("none");
    await machine.exec(["systemctl", "daemon-reload"]);
    return host;
  }

  /** Puts a generation in place: from here on /etc is its. */
  async activate(generation: Generation): Promise<void> {
    const tree: Tree = generation === "none" ? new Map() : await golden(generation);
    const store = `/nix/store/${generation}-etc`;
    await this.machine.sh(`mkdir -p ${store}/opencode; cp -a /nix/units ${store}/systemd 2>/dev/null || true`);
    for (const [path, text] of tree) {
      const place = path.replace(/^etc\/systemd\/system/, `${store}/systemd`).replace(/^etc/, store);
      // What the daemon's own drop-in is for, switch does here; and its PATH would have nothing of Debian's.
      if (path === "host.json" || path.includes(SUPERVISOR_UNIT)) continue;
      await this.machine.writeFile(place.startsWith("/") ? place : `/${place}`, text);
    }
    const facts: unknown = JSON.parse(tree.get("host.json") ?? '{"users":{}}');
    const { users } = Value.Parse(HostFacts, facts);
    const lines = Object.entries(users)
      .map(([name, { home }]) => `u ${name} - "" ${home}\n`)
      .join("");
    await this.machine.exec(["systemd-sysusers", "-"], { input: lines });
    await this.machine.sh(`${storeScript(tree)}
      find ${store} -exec touch -hd @1 {} +
      mkdir -p /etc/opencode
      ln -sfnT ${store} /etc/static
      ln -sfnT /etc/static/systemd /etc/systemd/system
      ${generation === "none" ? "rm -f" : "ln -sfnT /etc/static/opencode/instances.json"} /etc/opencode/instances.json
      [ ! -e ${store}/tmpfiles.d ] || systemd-tmpfiles --create ${store}/tmpfiles.d/opencode.conf`);
  }

  /** switch-to-configuration: stop, activate, daemon-reload, reload, start. */
  async switch(generation: Generation): Promise<void> {
    if (generation === "none") {
      await this.machine.exec(["systemctl", "stop", TARGET, SUPERVISOR_UNIT, ...SUPERVISOR_SOCKETS]);
    }
    await this.activate(generation);
    await this.machine.exec(["systemctl", "daemon-reload"]);
    if (generation === "none") return;
    const runs = await this.machine.exec(["systemctl", "is-active", SUPERVISOR_UNIT], { check: false });
    if (runs.code === 0) await this.machine.exec(["systemctl", "reload", SUPERVISOR_UNIT]);
    await this.machine.exec(["systemctl", "start", TARGET]);
  }

  /** Makes the projects, each with a `serve` that says what it sees and waits. */
  async projects(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const user = `opencode-${name}`;
      await this.machine.exec(["systemd-sysusers", "--inline", `u ${user} -`]);
      await this.machine.exec(["install", "-d", "-o", user, "-g", user, `/srv/${name}`]);
      await this.machine.writeFile(`/srv/${name}/serve`, SERVE);
    }
  }

  /** What the server of an instance saw when it started: its environment, and lines that {@link SERVE} adds. */
  async seen(name: string): Promise<string> {
    return await this.machine.waitFor(`what ${name} saw`, async () => {
      const { code, stdout } = await this.machine.exec(["cat", `/srv/${name}/seen`], { check: false });
      return code === 0 && stdout;
    });
  }
}

const SERVE = `{ env; echo "jq: $(command -v jq)"; echo "writable: $(test -w "$HOME" && echo yes)"; printf 'argument: %s\\n' "$@"; } >seen.new
mv seen.new seen
exec sleep infinity
`;
