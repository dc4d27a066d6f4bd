/** `npm run machine -- …`: machines by hand. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { ENVIRONMENT } from "./guest.ts";
import { obstacleTo } from "./image.ts";
import { Machine, type UpOptions } from "./machine.ts";
import { listRecords, readRecord } from "./records.ts";
import { SUITES, type Suite, suiteNamed, usualSuite } from "./suites.ts";

const USAGE = `npm run machine -- COMMAND
  shell [NAME]        a root shell in machine NAME, or in a new one that ends with the shell
  up NAME             boot a machine that stays until it is taken down
  exec NAME ARGV…     run a program in it, as root; the exit status is the program's
  down NAME           end it
  list                every machine on this host: name, owner's pid (- when made by hand), pid, cgroup
shell and up take --suite SUITE, the Debian of a new machine: ${SUITES.join(", ")} (default: $MACHINE_SUITE, else trixie)`;

const say = (line: string): void => console.error(line);

/** Runs `argv` in the machine on this terminal; resolves to its exit status. */
async function onTerminal(machine: Machine, argv: readonly string[]): Promise<number> {
  const [program = "", ...args] = machine.enter(argv);
  const ignoreInterrupt = (): void => {}; // Ctrl-C is for the program; it must not end us and the machine with it
  process.on("SIGINT", ignoreInterrupt);
  const child = spawn(program, args, { stdio: "inherit", env: ENVIRONMENT });
  const [code]: (number | null)[] = await once(child, "exit");
  process.off("SIGINT", ignoreInterrupt);
  return code ?? 1;
}

/** NAME and `--suite` of a command that makes a machine. */
function machineWanted(args: string[]): { name: string | undefined; suite: Suite } {
  const { values, positionals } = parseArgs({ args, options: { suite: { type: "string" } }, allowPositionals: true });
  return { name: positionals[0], suite: values.suite === undefined ? usualSuite() : suiteNamed(values.suite) };
}

/** A new machine; says so when what is built here does not run in it. */
async function made(options: UpOptions & { readonly suite: Suite }): Promise<Machine> {
  const machine = await Machine.up({ ...options, say });
  const why = await obstacleTo(options.suite);
  if (why !== null) say(why);
  return machine;
}

async function shell(args: string[]): Promise<number> {
  const { name, suite } = machineWanted(args);
  if (name !== undefined && readRecord(name) !== null) return await onTerminal(Machine.attach(name), ["bash", "-l"]);
  await using machine = await made({ name: name ?? "shell", suite });
  return await onTerminal(machine, ["bash", "-l"]);
}

async function up(args: string[]): Promise<number> {
  const { name, suite } = machineWanted(args);
  if (name === undefined) return misused();
  const started = performance.now();
  const machine = await made({ name, suite, keep: true });
  say(`${machine.name} is up after ${Math.round(performance.now() - started)} ms, pid ${machine.pid}`);
  return 0;
}

async function list(): Promise<number> {
  for (const { name, owner, pid, cgroup } of await listRecords())
    console.log([name, owner ?? "-", pid ?? "-", cgroup].join("\t"));
  return 0;
}

async function down(name: string): Promise<number> {
  await Machine.attach(name).down();
  return 0;
}

function misused(): number {
  console.error(USAGE);
  return 2;
}

const [command = "", ...args] = process.argv.slice(2);
const [name, ...rest] = args;
const commands: Readonly<Record<string, () => number | Promise<number>>> = {
  shell: () => shell(args),
  up: () => up(args),
  list,
  ...(name === undefined ? {} : { down: () => down(name) }),
  ...(name === undefined || rest.length === 0 ? {} : { exec: () => onTerminal(Machine.attach(name), rest) }),
};
try {
  process.exitCode = await (commands[command] ?? misused)();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
