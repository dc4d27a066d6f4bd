/** The table of commands as it is typed, and what is made from it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Value } from "typebox/value";
import { ANSWERS } from "./answers.ts";
import { usageOf } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { helpOf } from "./help.ts";
import { generated, withCommands } from "./reference.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
};

test("a wrong call exits with 64 and says what was wrong and how it is written", () => {
  const cases: [string[], RegExp][] = [
    [["nonsense"], /no command "nonsense"/],
    [["constructor"], /no command "constructor"/],
    [["status", "--nonsense"], /Unknown option '--nonsense'\nusage: opencode-supervisor status \[NAME\] \[--json\]/],
    [["show"], /NAME is missing\nusage: /],
    [["show", "a", "b"], /"b" is one argument too many/],
    [["logs", "a", "--lines"], /argument missing/],
    [["logs", "a", "-n", "many"], /--lines: write a number from 1 to 1000/],
    [["status", "--json=yes"], /does not take an argument/],
    [["completions", "csh"], /write bash, zsh or fish/],
    [["instances", "--state", "redy"], /--state: write one of disabled, .*, ready/],
    [["completions"], /write bash, zsh or fish/],
    [["completions", "csh", "--json"], /write bash, zsh or fish/],
    [["validate", "--yaml", "x"], /Unknown option/],
    [["teardown", "now"], /too many/],
    [[], /usage: opencode-supervisor COMMAND/],
  ];
  for (const [args, said] of cases) {
    const { status, stdout, stderr } = run(...args);
    assert.deepEqual([status, stdout], [64, ""], args.join(" "));
    assert.match(stderr, said);
  }
});

test("help says every command and option, in lines of 80 columns", () => {
  const { status, stdout } = run("help");
  assert.equal(status, 0);
  for (const name of Object.keys(COMMANDS)) assert.match(stdout, new RegExp(`^  ${name} `, "m"));
  assert.equal(run("--help").stdout, stdout);
  const each = run("help", "logs").stdout;
  assert.equal(run("logs", "--help").stdout, each);
  assert.match(each, /-n, --lines N/);
  const all = Object.entries(COMMANDS).map(([name, command]) => helpOf(name, command));
  for (const line of [stdout, ...all].join("\n").split("\n"))
    assert.ok(line.length <= 80 || line.startsWith("usage: "), line);
  assert.match(run("--version").stdout, /^\d+\.\d+\.\d+\n$/);
});

test("docs/reference/cli.md and the schema say what the table says; if not: node src/cli/reference.ts --write", async () => {
  for (const [file, text] of await generated()) assert.equal(readFileSync(file, "utf8"), text, file.pathname);
  assert.throws(() => withCommands("# CLI"), /has lost its marks/);
});

test("every command has --json, and what it prints then has a published shape", () => {
  for (const [name, { options }] of Object.entries(COMMANDS)) assert.ok("json" in options, name);
  assert.deepEqual(Object.keys(COMMANDS).sort(), Object.keys(ANSWERS).sort());
});

test("completions --json says every command, argument and option, and the script for a shell", () => {
  const told = (...args: string[]) => Value.Parse(ANSWERS.completions, JSON.parse(run("completions", ...args).stdout));
  const { commands, script } = told("--json");
  assert.equal(script, null);
  assert.deepEqual(
    commands.map(({ name, options }) => [name, options.map((option) => option.name)]),
    Object.entries(COMMANDS).map(([name, { options }]) => [name, Object.keys(options)]),
  );
  assert.equal(told("fish", "--json").script, run("completions", "fish").stdout);
});

/** What bash offers when the last of these words is being completed. */
function offered(script: string, ...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  const ask = `${script}\nopencode-supervisor() { printf 'one\\ntwo\\n'; }
    COMP_WORDS=(opencode-supervisor ${line}); COMP_CWORD=${words.length}; _opencode_supervisor; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", ask], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

test("bash completes commands, options, names of instances and files", () => {
  const script = run("completions", "bash").stdout;
  assert.deepEqual(offered(script, "sta"), ["status", "start"]);
  assert.deepEqual(offered(script, "logs", "--"), ["--follow", "--lines", "--json"]);
  assert.deepEqual(offered(script, "stop", "t"), ["two"]);
  assert.deepEqual(offered(script, "validate", "/etc/host.co"), ["/etc/host.conf"]);
  assert.deepEqual(offered(script, "completions", ""), ["--json", "bash", "zsh", "fish"]);
});

test("zsh and fish are told of every command", () => {
  const [zsh, fish] = [run("completions", "zsh").stdout, run("completions", "fish").stdout];
  for (const [name, command] of Object.entries(COMMANDS)) {
    assert.match(zsh, new RegExp(`^      ${name}\\) `, "m"));
    assert.match(fish, new RegExp(`-a ${name} -d '`));
    assert.ok(usageOf(name, command).startsWith(name));
  }
});
