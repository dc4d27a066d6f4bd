/**
 * How long the NixOS module takes to evaluate, by the number of instances: nix-instantiate with nixpkgs' lib and stubs of the
 * NixOS options, its own start included. Needs what the Nix tests need (NIXPKGS_LIB).
 */
import { NO_LIB, value } from "../nix/tests/nix.ts";
import { kept, median, spread, table } from "./numbers.ts";

const RUNS = 5;
/** What 100 instances may take: ten times one, and five seconds. */
const allowed = (one: number): number => 10 * one + 5;

async function seconds(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await value("many.nix", { count: String(count) });
    times.push((performance.now() - started) / 1000);
  }
  return times;
}

export async function nixEvaluation(): Promise<string> {
  if (NO_LIB !== null) throw new Error(NO_LIB);
  const one = await seconds(1);
  const most = allowed(median(one));
  const hundred = await seconds(100);
  return table([
    ["instances", "evaluated in", "target", "kept"],
    ["1", spread(one, 2, "s"), "", ""],
    ["10", spread(await seconds(10), 2, "s"), "", ""],
    ["100", spread(hundred, 2, "s"), `${most.toFixed(1)} s: ten times one and 5 s`, kept(hundred, most)],
    ["200", spread(await seconds(200), 2, "s"), "", ""],
  ]);
}
