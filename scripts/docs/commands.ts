/** Whether what a page says to type is what the program takes. Pure. */
import type { Command } from "../../src/cli/command.ts";

const CALL = /(?:^|[\s`$(|])opencode-supervisor ([a-z-]+)([^|;&`#)\n]*)/g;
/** Not commands, and no mistakes. */
const ELSE = new Set(["help"]);
const OPTION = /(?<=\s)(--?[a-z][a-z-]*)/g;

/** Calls of `opencode-supervisor` in a piece of code that it would not take: an unknown command, or option of it. */
export function mistakesOf(code: string, commands: Readonly<Record<string, Command>>): string[] {
  return [...code.matchAll(CALL)].flatMap(([call, name = "", rest = ""]) => {
    if (ELSE.has(name)) return [];
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) return [`no command ${name} in ${JSON.stringify(call.trim())}`];
    const known = Object.entries(command.options).flatMap(([long, { short }]) => [
      `--${long}`,
      ...(short === undefined ? [] : [`-${short}`]),
    ]);
    const [own = ""] = rest.split(" -- ");
    return [...own.matchAll(OPTION)]
      .filter(([, option = ""]) => !known.includes(option))
      .map(([, option]) => `${name} has no option ${option}`);
  });
}
