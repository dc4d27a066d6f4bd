#!/usr/bin/env node
/** `opencode-supervisor`: one binary for people and scripts. Exit statuses are those of sysexits(3): see exit.ts. */
import { VERSION } from "../version.ts";
import { parseCall, Unavailable, UsageError, usageOf } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EX } from "./exit.ts";
import { helpOf, overviewOfCommands } from "./help.ts";

const complain = (text: string): void => void process.stderr.write(`opencode-supervisor: ${text}\n`);
const say = (text: string): number => {
  process.stdout.write(text);
  return EX.OK;
};
const HELP = new Set(["--help", "-h", "help"]);

async function main([name, ...raw]: readonly string[]): Promise<number> {
  if (name === undefined) {
    process.stderr.write(overviewOfCommands());
    return EX.USAGE;
  }
  if (name === "--version") return say(`${VERSION}\n`);
  const [wanted] = HELP.has(name) ? raw : [name];
  if (wanted === undefined) return say(overviewOfCommands());
  const command = Object.hasOwn(COMMANDS, wanted) ? COMMANDS[wanted] : undefined;
  if (command === undefined) {
    complain(`no command ${JSON.stringify(wanted)}; \`opencode-supervisor help\` lists them`);
    return EX.USAGE;
  }
  if (HELP.has(name) || raw[0] === "--help" || raw[0] === "-h") return say(helpOf(wanted, command));
  try {
    return await command.run(parseCall(command, raw));
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${error.message}\nusage: opencode-supervisor ${usageOf(wanted, command)}`);
      return EX.USAGE;
    }
    if (!(error instanceof Unavailable)) throw error;
    complain(error.message);
    return error.status;
  }
}

// Who reads us may stop reading (`| head`): that is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EX.OK : EX.SOFTWARE),
);
process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  complain(error instanceof Error ? error.message : String(error));
  // At once: what is still open, such as a connection to the bus, would keep a daemon that failed to start from being restarted.
  return process.exit(EX.SOFTWARE);
});
