/**
 * `npm run chaos`: the long run of chaos in a machine; its result goes into docs/reliability.md.
 *   --seed N   another run; default is a seed of the moment, which is said
 *   --kills N  default 200
 */
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, release } from "node:os";
import { parseArgs } from "node:util";
import { median } from "../bench/numbers.ts";
import { chaos, type Result } from "../src/daemon/machine/chaos/run.ts";

const PAGE = new URL("../docs/reliability.md", import.meta.url);
const [START, END] = ["<!-- chaos -->", "<!-- /chaos -->"];

const { values } = parseArgs({ options: { seed: { type: "string" }, kills: { type: "string", default: "200" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const kills = Number(values.kills);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(kills)) throw new Error("--seed and --kills: write a number");

function text({ instances, rounds, done, settled, refused }: Result): string {
  const hands = Object.entries(done).map(([hand, times]) => {
    const what = hand === "kill" ? `SIGKILL to the daemon (${kills} or more hit one)` : hand;
    return `| ${what} | ${times} |`;
  });
  return [
    `\`npm run chaos -- --seed ${seed} --kills ${kills}\`, ${instances} instances, Linux ${release()}, ${availableParallelism()} cores:`,
    "",
    "| what was done | times |",
    "| --- | --- |",
    ...hands,
    "",
    `${rounds} rounds. From quiet until all was as the file says: ${median(settled)} ms, ${Math.max(...settled)} ms at most, in ${settled.length} times of quiet.`,
    `Untouched instances restarted: none. Left over of units, slices, cgroups, drop-ins, files, descriptors, chains, elements: nothing.`,
    `Packets refused meanwhile: ${refused}, every one of them counted.`,
  ].join("\n");
}

console.log(`seed ${seed}`);
const result = text(await chaos({ seed, instances: 50, kills, quietEvery: 10 }, console.log));
console.log(`\n${result}`);
const page = await readFile(PAGE, "utf8");
const [before, rest] = page.split(START);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined) throw new Error(`docs/reliability.md has lost ${START}, ${END}`);
await writeFile(PAGE, `${before}${START}\n${result}\n${END}${after}`);
