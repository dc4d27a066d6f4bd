/** What the process is started with: program, arguments, environment, directives. */
import { absolutePathFault } from "../formats.ts";
import { quote } from "../text.ts";
import { type Check, items } from "./check.ts";
import tables from "./tables.json" with { type: "json" };

const program: Check = function* (subject) {
  const { command, package: pkg } = subject.spec;
  if (command === null) return;
  if (pkg !== null) {
    yield { field: "command", what: 'both "command" and "package" are set', fix: "keep one of them" };
  }
  const [first = ""] = command;
  if (!subject.has("command[0]") || /^[^/]+$/.test(first)) return;
  if (first.startsWith("/")) {
    const fault = absolutePathFault(first);
    if (fault !== null) yield { field: "command[0]", ...fault };
    return;
  }
  yield {
    field: "command[0]",
    what: `${quote(first)} is a relative path`,
    fix: "write an absolute path, or a bare name found on PATH",
  };
};

const { flags, variables, directives: taken } = tables;
/** Flags that `opencode serve` does not have, or that are not for `extraArgs`, by name without dashes. */
const FLAGS = new Map(Object.entries(flags));
/** Variables with one owner: us. */
const VARIABLES = new Map(Object.entries(variables));
/** Directives that the supervisor stands on, and the field that says the same; null when nothing may. */
const DIRECTIVES = new Map<string, string | null>(Object.entries(taken));
/** A short flag that is not in the table: `serve` has none. */
const NOT_SERVE = flags.prompt;
const REMOVE = "remove it";

/** `--no-printLogs=x` → `print-logs`: yargs takes a flag in any of these spellings. */
const flagName = (arg: string): string =>
  arg
    .replace(/^(?!--).*|^--/s, "")
    .replace(/=.*$/s, "")
    .replace(/^no-/, "")
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const args: Check = function* (subject) {
  for (const [field, arg] of items(subject, "extraArgs", subject.spec.extraArgs)) {
    const short = /^-([A-Za-z])/.exec(arg)?.[1];
    const flag = short !== undefined ? (FLAGS.get(short) ?? NOT_SERVE) : FLAGS.get(flagName(arg));
    if (flag !== undefined) yield { field, what: `${quote(arg)} ${flag.because}`, fix: flag.fix };
  }
};

const environment: Check = function* ({ spec }) {
  for (const variable of Object.keys(spec.environment)) {
    const owned = VARIABLES.get(variable);
    if (owned === undefined) continue;
    yield { field: `environment.${variable}`, what: `${quote(variable)} ${owned.because}`, fix: owned.fix };
  }
};

const directives: Check = function* ({ spec }) {
  for (const name of Object.keys(spec.sandbox.serviceConfig)) {
    const field = DIRECTIVES.get(name);
    if (field === undefined) continue;
    const fix = field === null ? REMOVE : `write ${quote(field)}`;
    yield { field: `sandbox.serviceConfig.${name}`, what: `${quote(name)} is set by the supervisor`, fix };
  }
};

export const processChecks: readonly Check[] = [program, args, environment, directives];
