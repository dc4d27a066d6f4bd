#!/usr/bin/env node
/** `opencode-supervisor`: one binary for people and scripts. A table of commands; each is a file of its own, loaded when asked for. */
import { EX } from "./exit.ts";

interface Command {
  readonly usage: string;
  readonly help: string;
  run(args: readonly string[]): Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  daemon: {
    usage: "daemon",
    help: "run the supervisor (systemd starts it: opencode-supervisor.service)",
    run: async () => (await import("../daemon/main.ts")).daemon().then(() => EX.OK),
  },
  status: {
    usage: "status [NAME] [--json]",
    help: "how the instances are, and what is wrong",
    run: async (args) => (await import("./status.ts")).status(args),
  },
  blocked: {
    usage: "blocked [NAME] [OPTION]",
    help: "what was refused; --suggest: what to write to allow it; --follow, --json, --all (muted too)",
    run: async (args) => (await import("./blocked.ts")).blocked(args),
  },
  validate: {
    usage: "validate FILE [--json]",
    help: "every mistake in an instance file, with what to write instead",
    run: async (args) => (await import("./validate.ts")).validate(args),
  },
  reload: {
    usage: "reload",
    help: "take the instance file in, wait until its policies are in force, print what failed",
    run: async (args) => (await import("./reload.ts")).reload(args),
  },
  start: {
    usage: "start NAME",
    help: "start an instance that was stopped by hand",
    run: async (args) => (await import("./reload.ts")).start(args),
  },
  teardown: {
    usage: "teardown",
    help: "stop everything and leave no unit, slice, table or root behind; state stays",
    run: async (args) => (await import("./teardown.ts")).teardown(args),
  },
};

function usage(): string {
  const rows = Object.values(COMMANDS).map(({ usage, help }) => `  ${usage.padEnd(24)} ${help}`);
  return `usage: opencode-supervisor COMMAND\n\n${rows.join("\n")}\n`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(usage());
    return EX.OK;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command.run(args);
  process.stderr.write(
    name === undefined ? usage() : `opencode-supervisor: no command ${JSON.stringify(name)}\n\n${usage()}`,
  );
  return EX.USAGE;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`opencode-supervisor: ${error instanceof Error ? error.message : String(error)}\n`);
  return EX.SOFTWARE;
});
