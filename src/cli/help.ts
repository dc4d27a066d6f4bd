/** Help, from the table of commands. Pure. */
import { type Command, usageOf } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { columns } from "./table.ts";

/** All commands, a line each; fits 80 columns. */
export function overviewOfCommands(): string {
  const rows = Object.entries(COMMANDS).map(([name, { help }]) => [`  ${name}`, help]);
  return `usage: opencode-supervisor COMMAND\n\n${columns(rows).join("\n")}\n\n\`opencode-supervisor help COMMAND\` says more.\n`;
}

/** One command with its options. */
export function helpOf(name: string, command: Command): string {
  const rows = Object.entries(command.options).map(([flag, { short, value, help }]) => [
    `  ${short === undefined ? "" : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`,
    help,
  ]);
  const options = rows.length === 0 ? [] : ["", ...columns(rows)];
  return `${[`usage: opencode-supervisor ${usageOf(name, command)}`, "", `  ${command.help}`, ...options].join("\n")}\n`;
}
