/** For tests: nix-instantiate, and nixpkgs' lib. Where one of them is not to be had, a test is skipped, and says why. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cachedNix } from "../../scripts/nix-tools.ts";
import { type RunResult, run } from "../../testbed/run.ts";

const { NIXPKGS_LIB: LIB } = process.env;
const nix = await cachedNix();

/** Why no Nix file can be parsed here; null when one can. */
export const NO_NIX: string | null = nix.ok ? null : nix.why;
/** Why nothing can be evaluated here; null when it can. */
export const NO_LIB: string | null =
  NO_NIX ??
  (LIB === undefined || !existsSync(join(LIB, "modules.nix"))
    ? `NIXPKGS_LIB is ${LIB === undefined ? "not set" : `${LIB}, which has no modules.nix`}; set it to the lib/ of a nixpkgs`
    : null);
/** For `test`'s options: runs only where Nix and nixpkgs' lib are. */
export const NEEDS_LIB = NO_LIB === null ? {} : { skip: NO_LIB };

/** Runs nix-instantiate; resolves whatever its exit status. */
export async function instantiate(...args: readonly string[]): Promise<RunResult> {
  if (!nix.ok) throw new Error(nix.why);
  return await run([...nix.argv, ...args], { check: false, timeoutMs: 120_000 });
}

/** Evaluates a file of nix/tests, a function that takes `lib` and what else is given (as Nix expressions). */
export async function evaluate(file: string, args: Readonly<Record<string, string>> = {}): Promise<RunResult> {
  const path = join(import.meta.dirname, file);
  const given = Object.entries({ lib: `import ${LIB}`, ...args }).flatMap(([name, value]) => ["--arg", name, value]);
  return await instantiate("--eval", "--strict", "--json", ...given, path);
}

/** The value of such a file. Rejects with Nix' own words. */
export async function value(file: string, args: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const { code, stdout, stderr } = await evaluate(file, args);
  if (code !== 0) throw new Error(stderr);
  const result: unknown = JSON.parse(stdout);
  return result;
}
