/**
 * A run of chaos in a machine: rounds of everything at once, and after some of them quiet, in which all of it must have come
 * to what the file says, nobody who was not touched may have been restarted, and nothing may be left over.
 */
import assert from "node:assert/strict";
import { Value } from "typebox/value";
import { waitFor } from "../../../../testbed/wait.ts";
import { mainUnit, SUPERVISOR_UNIT } from "../../../spec/names.ts";
import { EgressReport } from "../../egress/model.ts";
import { fileOf, Supervised } from "../testing.ts";
import { type Cast, castOf, fileAtRest, KILLED, NOISE, randomOf, roundOf } from "./hands.ts";

export interface Plan {
  readonly seed: number;
  readonly instances: number;
  /** Daemons to kill; rounds go on until so many are. */
  readonly kills: number;
  /** Kills between two times of quiet. */
  readonly quietEvery: number;
}
export interface Result extends Plan {
  readonly rounds: number;
  readonly done: Readonly<Record<string, number>>;
  /** Milliseconds from the last hand of a time of quiet until all was as the file says. */
  readonly settled: readonly number[];
  /** Packets that instances were refused meanwhile, each of them counted. */
  readonly refused: number;
}

/** So long is asked for and measured: what takes longer is looked at while it does. */
const SLOW_MS = 5000;
/** On a host busy with other tests it takes longer. */
const PATIENTLY = { deadlineMs: 60_000 };
/** Restarted by systemd as soon as it is killed: otherwise most of the time there would be no daemon to kill. */
const QUICK = `/etc/systemd/system/${SUPERVISOR_UNIT}.d/quick.conf`;
const PENDING = "/run/chaos.json";
/**
 * What there is of each kind, the same before and after. Not what a policy that was changed live leaves for as long as the
 * instance runs: systemd keeps it as a drop-in, and makes the cgroup of a setup that has exited for it. In the end all must go.
 */
const REMAINS = `
  systemctl list-units --all --no-legend --plain 'opencode-*' opencode.slice | awk '{print $1, $3}'
  ls -d /run/systemd/system/opencode* /run/systemd/transient/opencode* | grep -v '^/run/systemd/transient/.*\\.d$'
  find /run/opencode-supervisor | sort
  find /sys/fs/cgroup/opencode.slice -type d -not -name '*-setup.service' | sort
  nft list table inet opencode_supervisor | grep -oE '^.(chain|map|set|counter) [^ ]+|"opencode.slice/[^"]+"' | sort`;

export async function chaos(plan: Plan, say: (line: string) => void): Promise<Result> {
  const cast = castOf(plan.instances);
  await using host = await Supervised.up("chaos");
  await host.machine.writeFile(QUICK, "[Service]\nRestartSec=50ms\n");
  await host.machine.sh(`systemctl daemon-reload
    ip link add out0 type veth peer name out1; ip addr add 192.0.2.1/24 dev out0; ip link set out0 up; ip link set out1 up`);
  await host.write(fileAtRest(cast));
  await host.systemctl("start", "opencode.target");
  try {
    return await new Run(plan, cast, host, say).all();
  } catch (error) {
    say(await lastWords(host));
    throw error;
  }
}
/** What one wants to know of a run that failed, or takes its time. */
const LAST_WORDS = `systemctl status --no-pager --lines=0 ${SUPERVISOR_UNIT} dbus.service systemd-journald.service; systemctl list-jobs
  journalctl --no-pager --lines=60 _SYSTEMD_UNIT=${SUPERVISOR_UNIT} + UNIT=${SUPERVISOR_UNIT} + UNIT=dbus.service
  journalctl --no-pager --lines=60 ${castOf(50)
    .victims.map((name) => `UNIT=${mainUnit(name)}`)
    .join(" + ")}`;
const lastWords = async ({ machine }: Supervised): Promise<string> =>
  (await machine.exec(["sh", "-c", LAST_WORDS], { check: false })).stdout;

class Run {
  readonly #plan: Plan;
  readonly #cast: Cast;
  readonly #host: Supervised;
  readonly #say: (line: string) => void;
  readonly #done: Record<string, number> = {};
  readonly #settled: number[] = [];
  readonly #random: () => number;

  constructor(plan: Plan, cast: Cast, host: Supervised, say: (line: string) => void) {
    this.#plan = plan;
    this.#cast = cast;
    this.#host = host;
    this.#say = say;
    this.#random = randomOf(plan.seed);
  }

  async all(): Promise<Result> {
    await this.#settle();
    const [untouched, remains] = [await this.#invocations(), await this.#remains()];
    const check = async (): Promise<void> => {
      this.#settled.push(await this.#settle());
      assert.deepEqual(await this.#invocations(), untouched, "one that nobody touched was restarted");
      await this.#until("what was there before, and no more", () => this.#remains(), remains);
    };
    let rounds = 0;
    for (let killed = 0; killed < this.#plan.kills; rounds++) {
      const before = killed;
      killed += await this.#round(true);
      if (Math.floor(killed / this.#plan.quietEvery) === Math.floor(before / this.#plan.quietEvery)) continue;
      await check();
      this.#say(`${killed} of ${this.#plan.kills} kills, ${rounds + 1} rounds; settled in ${this.#settled.at(-1)} ms`);
    }
    await this.#settle(); // a daemon that has only just begun has not opened everything yet
    const descriptors = await this.#descriptors();
    for (let times = 0; times < 3; times++, rounds++) await this.#round(false);
    await check();
    await waitFor("no more descriptors than before", async (saw) => {
      const now = await this.#descriptors();
      saw({ before: descriptors, now });
      return now <= descriptors;
    });
    const refused = await this.#refused();
    await this.#leave();
    return { ...this.#plan, rounds, done: this.#done, settled: this.#settled, refused };
  }

  /** No instance is wanted any more: nothing is left, of those either that came and went. */
  async #leave(): Promise<void> {
    await this.#host.write({});
    await waitFor(
      "nothing left",
      async (saw) => {
        const left = await this.#host.remains();
        saw(left);
        return left.length === 0;
      },
      PATIENTLY,
    );
  }

  /** Everything at once; answers with the number of daemons killed. */
  async #round(kills: boolean): Promise<number> {
    const { hands, file, script } = roundOf(this.#random, this.#cast, kills);
    for (const hand of hands) this.#done[hand] = (this.#done[hand] ?? 0) + 1;
    await this.#host.machine.writeFile(PENDING, file);
    const { stdout } = await this.#host.machine.exec(["sh", "-c", script(PENDING)], { check: false });
    return stdout.split("\n").filter((line) => line === KILLED).length;
  }

  /** The file at rest; milliseconds until all is as it says. */
  async #settle(): Promise<number> {
    await this.#host.machine.writeFile("/etc/opencode/instances.json", fileOf(fileAtRest(this.#cast)));
    const quiet = performance.now();
    const names = Object.keys(fileAtRest(this.#cast)).sort();
    let isTold = false;
    await waitFor(
      "what the file says",
      async (saw) => {
        const { state, problems, systemd } = await this.#host.status();
        const found = [...(await this.#host.instances()).values()];
        const fine = found.filter((each) => each.state === "starting" && each.policy.inForce && each.pid !== null);
        const amiss = found.filter((each) => !fine.includes(each)).map(short);
        saw({ state, problems, systemd, amiss });
        if (!isTold && performance.now() - quiet > SLOW_MS) {
          isTold = true;
          this.#say(`not as the file says after ${SLOW_MS} ms:\n${amiss.join("\n")}\n${await lastWords(this.#host)}`);
        }
        return state === "ok" && systemd.connected && fine.map(({ name }) => name).join() === names.join();
      },
      { ...PATIENTLY, intervalMs: 50 },
    );
    return Math.round(performance.now() - quiet);
  }

  /** Which run of each untouched unit this is. */
  async #invocations(): Promise<string> {
    const units = [...this.#cast.steady, ...this.#cast.noisy].map(mainUnit);
    return await this.#host.systemctl("show", "-p", "Id,InvocationID,NRestarts", ...units);
  }

  async #remains(): Promise<string> {
    return (await this.#host.machine.exec(["sh", "-c", REMAINS], { check: false })).stdout;
  }

  async #until(what: string, now: () => Promise<string>, wanted: string): Promise<void> {
    await waitFor(what, async (saw) => {
      const found = await now();
      saw({ more: without(found, wanted), less: without(wanted, found) });
      return found === wanted;
    });
  }

  /** The fewest of some looks: a probe holds one for a moment. */
  async #descriptors(): Promise<number> {
    const script = `p=$(systemctl show --value -p MainPID ${SUPERVISOR_UNIT})
      for i in 1 2 3 4 5 6 7 8; do ls /proc/$p/fd | wc -l; done | sort -n | head -n 1`;
    return Number((await this.#host.machine.exec(["sh", "-c", script])).stdout);
  }

  /** Ends the noise, and sees that each packet of it was counted, over all the daemons that there were. */
  async #refused(): Promise<number> {
    const { machine } = this.#host;
    const totals = this.#cast.noisy.map(async (name) => {
      await machine.exec(["touch", `/srv/${name}/stop`]);
      const sent = await machine.waitFor(`end of ${name}`, () => machine.readFile(`/srv/${name}/sent`));
      const path = `http://localhost/v1/instances/${name}/egress`;
      await machine.waitFor(`${sent} packets refused`, async (saw) => {
        const api = ["curl", "-sS", "--unix-socket", "/run/opencode-supervisor/status.sock", path];
        const report = Value.Parse(EgressReport, JSON.parse((await machine.exec(api)).stdout));
        saw(report);
        const [only, ...others] = report.destinations;
        return report.total === Number(sent) && others.length === 0 && only?.address === NOISE;
      });
      return Number(sent);
    });
    return (await Promise.all(totals)).reduce((sum, each) => sum + each, 0);
  }
}

const short = ({ name, state, why, policy }: { name: string; state: string; why: string | null; policy: object }) =>
  `${name} ${state} ${why ?? ""} ${JSON.stringify(policy)}`;

const without = (text: string, other: string): string[] => {
  const lines = new Set(other.split("\n"));
  return text.split("\n").filter((line) => !lines.has(line));
};
