/**
 * `npm test`, after scripts/bootstrap.mjs has set everything up: lint, types, unit tests (Nix among them), machine tests.
 *   --full   also what takes long (*.full.test.ts)
 *   PATH…    only test files below these paths, without lint and types
 * The last line is `N passed, N failed, N skipped`; the exit status is 1 when anything failed.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { obstacle } from "../testbed/host.ts";
import { add, NOTHING, ONE_FAILED, ONE_PASSED, type Outcome, runFiles, skippedFiles, summary } from "./test-files.ts";

const { values: options, positionals: filters } = parseArgs({
  options: { full: { type: "boolean", default: false } },
  allowPositionals: true,
});
const everything = filters.length === 0;

const MINUTE = 60_000;
/** Machine tests wait for their machines more than they compute. */
const MACHINES_AT_ONCE = Math.max(2, Math.min(4, availableParallelism()));

const wanted = filters.map((filter) => resolve(filter));
const isWanted = (file: string): boolean =>
  (everything || wanted.some((path) => file === path || file.startsWith(`${path}/`))) &&
  (options.full || !file.includes(".full."));
const files = globSync("{src,packages,testbed,scripts,bench,nix}/**/*.test.ts", {
  exclude: (path) => /(^|\/)(node_modules|build)$/.test(path),
})
  .map((path) => resolve(path))
  .filter(isWanted)
  .sort();
const needsMachine = (file: string): boolean => file.includes(".machine.");

/** A check that is one program: one test, whose output is shown when it fails or does not say `expected`. */
function program(name: string, argv: readonly string[], expected = /(?:)/): Outcome {
  const started = performance.now();
  const [command = "", ...args] = argv;
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: 5 * MINUTE });
  const passed = status === 0 && expected.test(stdout);
  console.log(`${passed ? "ok  " : "FAIL"} ${name} (${Math.round(performance.now() - started)} ms)`);
  if (!passed) console.log(`${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`.trim());
  return passed ? ONE_PASSED : ONE_FAILED;
}

const TSC = ["node_modules/.bin/tsc", "--noEmit"];

async function machineTests(): Promise<Outcome> {
  const chosen = files.filter(needsMachine);
  const why = obstacle();
  if (why !== null) return skippedFiles(chosen, why);
  return await runFiles(chosen, { atOnce: MACHINES_AT_ONCE, timeoutMs: 10 * MINUTE });
}

const stages: readonly (readonly [name: string, run: () => Outcome | Promise<Outcome>])[] = [
  ["lint", () => (everything ? program("biome ci", ["node_modules/.bin/biome", "ci", "--colors=off", "."]) : NOTHING)],
  ["types", () => (everything ? program("tsc", [...TSC, "-p", "."]) : NOTHING)],
  ["types of the page", () => (everything ? program("tsc", [...TSC, "-p", "src/dashboard/page"]) : NOTHING)],
  [
    "unit tests",
    () =>
      runFiles(
        files.filter((file) => !needsMachine(file)),
        { atOnce: availableParallelism(), timeoutMs: 5 * MINUTE },
      ),
  ],
  ["machine tests", machineTests],
];

let total = NOTHING;
for (const [name, stage] of stages) {
  console.log(`\n# ${name}`);
  const outcome = await stage();
  if (outcome === NOTHING) console.log("nothing to do");
  total = add(total, outcome);
}
if (total.passed + total.failed + total.skipped === 0) {
  console.log(`no test below ${filters.join(", ") || "the repository"}`);
  total = ONE_FAILED;
}
console.log(`\n${summary(total)}`);
process.exitCode = total.failed > 0 ? 1 : 0;
