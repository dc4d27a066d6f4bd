/** Prepares an instance's HOME and refuses what the server could not work with. See README.md. */
import { join } from "node:path";
import { checkConfig, checkReadable, checkWritable } from "./checks.ts";
import { EXIT, type ExitStatus } from "./exit.ts";
import { Failure } from "./failure.ts";
import { type Input, parseInput } from "./input.ts";
import { ensureDirectory, ensureFile, ensureLink } from "./tree.ts";

/** What opencode writes into `~/.config/opencode` when it can; without it on a read-only mount every session fails. */
const GITIGNORE = ["node_modules", "package.json", "package-lock.json", "bun.lock", ".gitignore"].join("\n");

/** Each step, in order; a later one is tried when an earlier one fails, so that one run tells all. */
function steps({ home, directory, config, files }: Input): (() => void)[] {
  const inConfig = (path: string) => join(home, ".config/opencode", path);
  const projected = Object.entries(files);
  return [
    () => checkWritable("directory", directory),
    () => checkConfig(config),
    ...projected.map(
      ([, source]) =>
        () =>
          checkReadable("projected file", source),
    ),
    () => ensureDirectory(home, join(home, ".local/share/opencode")),
    ...(".gitignore" in files ? [] : [() => ensureFile(home, inConfig(".gitignore"), GITIGNORE)]),
    () => ensureLink(home, inConfig("opencode.json"), config),
    ...projected.map(
      ([path, source]) =>
        () =>
          ensureLink(home, inConfig(path), source),
    ),
  ];
}

/** The failure that a step ends with; null when it went well. */
function attempt(step: () => void): Failure | null {
  try {
    step();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function main(argument: string | undefined): ExitStatus {
  const input = parseInput(argument);
  if (input === null) {
    process.stderr.write("setup: not started by opencode-supervisor; start the instance through it\n");
    return EXIT.usage;
  }
  // Without a HOME there is nothing to prepare: one line, not one for each step.
  const home = attempt(() => checkWritable("stateDir", input.home));
  const failures =
    home === null
      ? steps(input)
          .map(attempt)
          .filter((failure) => failure !== null)
      : [home];
  const lines = new Set(failures.map((failure) => `setup: ${failure.message}\n`));
  process.stderr.write([...lines].join(""));
  return failures[0]?.exit ?? EXIT.ok;
}

process.exitCode = main(process.argv[2]);
