/** What the machine tests of the daemon share: a machine with the supervisor, its instance file, and its answers. */
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { Guest } from "../../../testbed/guest.ts";
import { Machine } from "../../../testbed/machine.ts";
import type { RunResult } from "../../../testbed/run.ts";
import type { Suite } from "../../../testbed/suites.ts";
import type { Saw } from "../../../testbed/wait.ts";
import { defaultUser, INSTANCE_FILE, mainUnit, RUNTIME_DIR, STATE_DIR, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { InstanceStatus, Status } from "../api/model.ts";
import type { State } from "../instance/state.ts";

/** An instance as the file has it. */
export type Fields = Readonly<Record<string, unknown>> & { readonly directory?: string; readonly user?: string };
export type Instances = Readonly<Record<string, Fields>>;

/** An instance whose server is a shell that waits: nothing ever listens, so its state stays `starting`. */
export const light = (name: string, port: number, more: Fields = {}): Fields =>
  scripted(name, port, "exec sleep infinity", more);

/** An instance whose server is this shell text. */
export const scripted = (name: string, port: number, script: string, more: Fields = {}): Fields => ({
  directory: `/srv/${name}`,
  listen: { port },
  command: ["/bin/sh", "-c", script],
  ...more,
});

export const fileOf = (instances: Instances): string => JSON.stringify({ version: 1, instances });

/** For a machine that is busy with other tests: a real server needs two seconds, or thirty. */
const PATIENTLY = { deadlineMs: 60_000 };
const List = Type.Object({ instances: Type.Array(InstanceStatus) });
const API = ["curl", "--silent", "--show-error", "--fail", "--unix-socket", `${RUNTIME_DIR}/status.sock`];

export class Supervised<M extends Guest = Machine> implements AsyncDisposable {
  readonly machine: M;

  private constructor(machine: M) {
    this.machine = machine;
  }

  /** A machine on which nothing is installed. */
  static async bare(name: string, suite?: Suite): Promise<Supervised> {
    return new Supervised(await Machine.up(suite === undefined ? { name } : { name, suite }));
  }

  /** A machine with the supervisor installed; with `instances`, their projects and file, and the target started. */
  static async up(name: string, instances?: Instances, suite?: Suite): Promise<Supervised> {
    return await Supervised.on((await Supervised.bare(name, suite)).machine, instances);
  }

  /** The same on a machine that is there; it goes down with this, and when this fails. */
  static async on<M extends Guest>(machine: M, instances?: Instances): Promise<Supervised<M>> {
    const host = new Supervised(machine);
    try {
      await machine.install();
      if (instances !== undefined) {
        await host.write(instances);
        await host.systemctl("start", "opencode.target");
      }
      return host;
    } catch (error) {
      await host.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.machine.down();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  /** Puts the file in place in one step, after making the projects of its instances, each its own user's. */
  async write(instances: Instances): Promise<void> {
    await this.projects(instances);
    await this.machine.writeFile(INSTANCE_FILE, fileOf(instances));
  }

  /** Makes users (the instances' own ones) and the directories of instances below /srv that are not there. */
  async projects(instances: Instances): Promise<void> {
    const own = Object.keys(instances).filter((name) => instances[name]?.user === undefined);
    const users = own.map((name) => `u ${defaultUser(name)} - "opencode ${name}"`);
    const script = ['systemd-sysusers --inline "$@"', ...own.map((name) => makeProject(name, instances[name]))];
    if (own.length > 0) await this.machine.exec(["sh", "-ec", script.join("\n"), "sh", ...users]);
  }

  async systemctl(...args: string[]): Promise<string> {
    return (await this.machine.exec(["systemctl", ...args])).stdout.trim();
  }

  /** One property of a unit, as `systemctl show` prints it. */
  async show(unit: string, property: string): Promise<string> {
    return await this.systemctl("show", "--value", `--property=${property}`, unit);
  }

  /** Runs `opencode-supervisor ARGS`, whatever its exit status. */
  async cli(...args: string[]): Promise<RunResult> {
    return await this.machine.exec(["opencode-supervisor", ...args], { check: false });
  }

  /** Takes the file in: what is changed of the policies is in the kernel when this resolves. */
  async reload(): Promise<void> {
    await this.systemctl("reload", SUPERVISOR_UNIT);
  }

  async status(): Promise<Status> {
    return Value.Parse(Status, await this.#get("/v1/status"));
  }

  async instances(): Promise<ReadonlyMap<string, InstanceStatus>> {
    const { instances } = Value.Parse(List, await this.#get("/v1/instances"));
    return new Map(instances.map((instance) => [instance.name, instance]));
  }

  async #get(path: string): Promise<unknown> {
    const { stdout } = await this.machine.exec([...API, `http://localhost${path}`]);
    const body: unknown = JSON.parse(stdout);
    return body;
  }

  async waitFor<T>(description: string, probe: (saw: Saw) => T | Promise<T>) {
    return await this.machine.waitFor(description, probe, PATIENTLY);
  }

  /** Waits until `systemctl is-active` says so. */
  async waitForUnit(unit: string): Promise<void> {
    await this.machine.waitForUnit(unit, "active", PATIENTLY);
  }

  /** Waits until the supervisor says `state` of the instance; its status then. */
  async until(name: string, state: State, more: (status: InstanceStatus) => boolean = () => true) {
    return await this.machine.waitFor(
      `${name} ${state}`,
      async (saw) => {
        const found = (await this.instances()).get(name);
        saw(found ?? `no instance ${name}`);
        return found?.state === state && more(found) && found;
      },
      PATIENTLY,
    );
  }

  /** Waits until the supervisor knows these instances and no other, each in its state. */
  async untilAll(states: Readonly<Record<string, State>>): Promise<void> {
    const wanted = JSON.stringify(Object.entries(states).sort());
    await this.machine.waitFor(
      `states ${wanted}`,
      async (saw) => {
        const now = [...(await this.instances()).values()].map(({ name, state, why }) => ({ name, state, why }));
        saw(now);
        return JSON.stringify(now.map(({ name, state }) => [name, state])) === wanted;
      },
      PATIENTLY,
    );
  }

  /** Main pids of the instances' servers, in the machine's numbering; 0 for one that does not run. */
  async pids(...names: string[]): Promise<number[]> {
    return await Promise.all(names.map((name) => this.#pid(mainUnit(name))));
  }

  /** While a unit with PrivatePIDs= starts, systemd names one process after the other as its main one. */
  async #pid(unit: string): Promise<number> {
    const pid = await this.waitFor(`main process of ${unit}`, async () => {
      const shown = await this.systemctl("show", "--property=ActiveState,MainPID", unit);
      return shown.includes("ActiveState=activating") ? null : (/MainPID=(\d+)/.exec(shown)?.[1] ?? null);
    });
    return Number(pid);
  }

  /** The password that the supervisor made for an instance. */
  async password(name: string): Promise<string> {
    return (await this.machine.readFile(`${STATE_DIR}/passwords/${name}`)).trim();
  }

  /** Everything of the supervisor's that is left in systemd, the kernel and /run. */
  async remains(): Promise<string[]> {
    const script = `
      systemctl list-units --all --no-legend --plain 'opencode-*' opencode.slice | cut -d' ' -f1 |
        grep -v '^opencode-supervisor'
      nft list tables | grep opencode
      ls -d /sys/fs/cgroup/opencode.slice /run/opencode-supervisor/*/* /run/systemd/system/opencode-* /run/systemd/transient/opencode-* 2>/dev/null
      true`;
    return (await this.machine.exec(["sh", "-c", script])).stdout.split("\n").filter((line) => line !== "");
  }
}

const makeProject = (name: string, fields: Fields | undefined): string => {
  const directory = fields?.directory ?? `/srv/${name}`;
  return `[ -e ${directory} ] || install -d -o ${defaultUser(name)} -g ${defaultUser(name)} ${directory}`;
};
