/**
 * Cold start of 100 instances: from `systemctl start opencode.target`, with no supervisor running, until all main units are
 * active. Beside it, in turns, one `systemctl start` of static unit pairs: the same commands, properties, slices and users.
 * And pairs as one would write by hand, with a shell script for setup. All users and state directories exist. Supervised and
 * static change places each turn: what a hundred sandboxes leave is taken away for a while after they ended, and counts for
 * whoever comes next.
 */
import { mainUnit, TARGET } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";
import { kept, ratios, spread, table } from "./numbers.ts";
import {
  cpuSeconds,
  inMachine,
  instances,
  lastActive,
  monotonic,
  SLEEPER,
  stopAll,
  untilActive,
  writeScene,
} from "./scene.ts";
import { type Pairs, plainPairs, staticPairs } from "./static-units.ts";

const COUNT = 100;
const RUNS = 8;
const MOST = 1.15;

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

    const runs: Record<"supervised" | "same" | "plain", Run[]> = { supervised: [], same: [], plain: [] };
    const start = async ({ units, reset }: Pairs): Promise<Run> => {
      await reset();
      const run = await timed(machine, units, () => machine.exec(["systemctl", "start", ...units]));
      await reset();
      return run;
    };
    const turns = [
      async () => void runs.same.push(await start(pairs.same)),
      async () => {
        await machine.sh("rm -rf /run/opencode-supervisor");
        runs.supervised.push(await supervised());
        await stopAll(machine);
      },
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

function report(
  { supervised, same, plain }: Record<"supervised" | "same" | "plain", readonly Run[]>,
  first: Run,
): string {
  const seconds = (runs: readonly Run[]) => runs.map((run) => run.seconds);
  const cpu = (runs: readonly Run[]) => runs.map((run) => run.cpu);
  const row = (what: string, runs: readonly Run[]) => {
    const to = ratios(seconds(supervised), seconds(runs));
    return [what, spread(seconds(runs), 2, "s"), spread(cpu(runs), 1, "s"), runs === supervised ? "" : spread(to, 2)];
  };
  const lines = table([
    [`${COUNT} instances`, "until all are active", "processor time", "supervised takes, times this"],
    row("supervised, from nothing running", supervised),
    row("static units, same sandbox and commands", same),
    row("plain units, shell setup, ten directives", plain),
    ["supervised, users and state made too (once)", spread([first.seconds], 2, "s"), spread([first.cpu], 1, "s"), ""],
  ]);
  const to = ratios(seconds(supervised), seconds(same));
  return `${lines}\n\nAt most ${MOST} times the static units: ${kept(to, MOST)}.`;
}
