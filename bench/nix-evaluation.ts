/**
 * How long the NixOS module takes to evaluate, by the number of instances: `node bench/nix-evaluation.ts`. Needs what the Nix
 * tests need (NIXPKGS_LIB). Each row is the best of five runs of nix-instantiate, its start included.
 */
import { NO_LIB, value } from "../nix/tests/nix.ts";

const RUNS = 5;
/** What 100 instances may take: ten times one, and five seconds. */
const allowed = (one: number): number => 10 * one + 5;

async function seconds(count: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await value("many.nix", { count: String(count) });
    times.push((performance.now() - started) / 1000);
  }
  return Math.min(...times);
}

if (NO_LIB !== null) throw new Error(NO_LIB);
const one = await seconds(1);
console.log("instances   seconds");
for (const count of [1, 10, 100, 200]) {
  const took = count === 1 ? one : await seconds(count);
  console.log(`${String(count).padStart(9)}   ${took.toFixed(2)}`);
  if (count === 100 && took > allowed(one)) {
    console.log(`100 instances may take ${allowed(one).toFixed(2)} s`);
    process.exitCode = 1;
  }
}
