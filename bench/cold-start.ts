/**
 * Cold start of 100 instances: from `systemctl start opencode.target` until all main units are active, with no supervisor
 * running, and with one that just started and waits for the target. Beside it, in turns, one `systemctl start` of static unit
 * pairs: the same commands, properties, slices and users. And pairs as one would write by hand, with a shell script for setup.
 * All users and state directories exist. Who is compared changes places each turn: what a hundred sandboxes leave is taken away
 * for a while after they ended, and counts for whoever comes next.
 */
import { mainUnit, SUPERVISOR_UNIT, TARGET } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";
import { kept, ratios, spread, table } from "./numbers.ts";
import {
  cpuSeconds,
  inMachine,
  instances,
  lastActive,
  monotonic,
  property,
  SLEEPER,
  stopAll,
  untilActive,
  writeScene,
} from "./scene.ts";
import { type Pairs, plainPairs, staticPairs } from "./static-units.ts";

const COUNT = 100;
const RUNS = 8;
const MOST = 1.15;

type Kind = "supervised" | "waiting" | "same" | "plain";

interface Run {
  readonly seconds: number;
  readonly cpu: number;
}

export async function coldStart(): Promise<string> {
  return await inMachine("cold", async (machine) => {
    const all = instances(COUNT, SLEEPER);
    const names = Object.keys(all);
    await writeScene(machine, all);
    const supervised = () =>
      timed(machine, names.map(mainUnit), async () => {
        await machine.exec(["systemctl", "start", TARGET]);
        await untilActive(machine, all);
      });
    const first = await supervised(); // makes users and state as well
    const pairs = { same: await staticPairs(machine, names), plain: await plainPairs(machine, names, SLEEPER) };
    await stopAll(machine);

    const runs: Record<Kind, Run[]> = { supervised: [], waiting: [], same: [], plain: [] };
    const start = async ({ units, reset }: Pairs): Promise<Run> => {
      await reset();
      const run = await timed(machine, units, () => machine.exec(["systemctl", "start", ...units]));
      await reset();
      return run;
    };
    /** Nothing is left of an earlier turn; `before` is not part of what is measured. */
    const anew = async (before: () => Promise<unknown>): Promise<Run> => {
      await machine.sh("rm -rf /run/opencode-supervisor");
      await before();
      const run = await supervised();
      await stopAll(machine);
      return run;
    };
    const waiting = async () => {
      await machine.exec(["systemctl", "start", SUPERVISOR_UNIT]);
      const status = async () => (await property(machine, "StatusText", [SUPERVISOR_UNIT])).get(SUPERVISOR_UNIT);
      await machine.waitFor("a daemon that waits", async () => (await status()) !== "");
    };
    const turns = [
      async () => void runs.same.push(await start(pairs.same)),
      async () => void runs.supervised.push(await anew(async () => undefined)),
      async () => void runs.waiting.push(await anew(waiting)),
    ];
    for (let turn = 0; turn < RUNS; turn++) {
      for (const run of turn % 2 === 0 ? turns : turns.toReversed()) await run();
      runs.plain.push(await start(pairs.plain));
    }
    return report(runs, first);
  });
}

/** Wall time until the last unit was active, and the processor time of everything in the machine. */
async function timed(machine: Machine, units: readonly string[], start: () => Promise<unknown>): Promise<Run> {
  const [before, cpu] = [monotonic(), cpuSeconds(machine)];
  await start();
  return { seconds: ((await lastActive(machine, units)) - before) / 1e6, cpu: cpuSeconds(machine) - cpu };
}

function report(runs: Record<Kind, readonly Run[]>, first: Run): string {
  const seconds = (each: readonly Run[]) => each.map((run) => run.seconds);
  const cpu = (each: readonly Run[]) => each.map((run) => run.cpu);
  const times = (one: Kind, other: Kind) => ratios(seconds(runs[one]), seconds(runs[other]));
  const row = (what: string, each: readonly Run[], ...to: readonly (readonly number[])[]) => {
    const [same = "", plain = ""] = to.map((values) => spread(values, 2));
    return [what, spread(seconds(each), 2, "s"), spread(cpu(each), 1, "s"), same, plain];
  };
  const lines = table([
    [`${COUNT} instances`, "until all are active", "processor time", "times the static", "times the plain"],
    row("supervised, from nothing running", runs.supervised, times("supervised", "same"), times("supervised", "plain")),
    row("supervised, by a daemon that waits", runs.waiting, times("waiting", "same"), times("waiting", "plain")),
    row("static units, same sandbox and commands", runs.same),
    row("plain units, shell setup, ten directives", runs.plain),
    row("supervised, users and state made too (once)", [first]),
  ]);
  const isKept = (kind: Kind) => kept(times(kind, "same"), MOST);
  return `${lines}\n\nAt most ${MOST} times the static units: from nothing ${isKept("supervised")}; by a daemon that waits ${isKept("waiting")}.`;
}
