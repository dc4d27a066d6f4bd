/** `completions SHELL`: made from the table of commands. Names of instances are asked for when they are completed. */
import type { Commands } from "./answers.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EX } from "./exit.ts";
import { write, writeJson } from "./output.ts";

const PROGRAM = "opencode-supervisor";
const NAMES = `${PROGRAM} instances --names 2>/dev/null`;
const entries = (): [string, Command][] => Object.entries(COMMANDS);
const flagsOf = ({ options }: Command): string[] => Object.keys(options).map((name) => `--${name}`);
const takes = ({ args }: Command, name: string): boolean => args.some((arg) => arg.name === name);

/** What is completed for an argument of a command, in bash. */
function bashWords(command: Command): string {
  if (takes(command, "NAME")) return `words="$words $(${NAMES})"`;
  if (takes(command, "FILE")) return 'COMPREPLY=($(compgen -f -- "$current"))';
  return takes(command, "SHELL") ? 'words="$words bash zsh fish"' : ":";
}

const bash = (): string => `# ${PROGRAM} completion for bash: eval "$(${PROGRAM} completions bash)"
_opencode_supervisor() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...Object.keys(COMMANDS), "help", "--version"].join(" ")}"
  else
    case \${COMP_WORDS[1]} in
${entries()
  .map(([name, command]) => `      ${name}) words="${flagsOf(command).join(" ")}"; ${bashWords(command)} ;;`)
  .join("\n")}
      help) words="${Object.keys(COMMANDS).join(" ")}" ;;
    esac
  fi
  COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -F _opencode_supervisor ${PROGRAM}
`;

/** zsh runs what is written for bash. */
const zsh = (): string => `#compdef ${PROGRAM}\nautoload -U +X bashcompinit && bashcompinit\n${bash()}`;

const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
const fishOf = ([name, command]: [string, Command]): string[] => {
  const seen = `complete -c ${PROGRAM} -n '__fish_seen_subcommand_from ${name}'`;
  const options = Object.entries(command.options).map(
    ([flag, { short, value, help }]) =>
      `${seen} -l ${flag}${short === undefined ? "" : ` -s ${short}`}${value === undefined ? "" : " -r"} -d ${quoted(help)}`,
  );
  return [
    `complete -c ${PROGRAM} -n __fish_use_subcommand -a ${name} -d ${quoted(command.help)}`,
    ...(takes(command, "NAME") ? [`${seen} -f -a '(${NAMES})'`] : []),
    ...(takes(command, "SHELL") ? [`${seen} -f -a 'bash zsh fish'`] : []),
    ...(takes(command, "FILE") ? [`${seen} -F`] : []),
    ...options,
  ];
};
const fish = (): string => `complete -c ${PROGRAM} -f\n${entries().flatMap(fishOf).join("\n")}\n`;

const SHELLS: Readonly<Record<string, () => string>> = { bash, zsh, fish };

export async function completions(shell: string | undefined, json: boolean): Promise<number> {
  const script = Object.hasOwn(SHELLS, shell ?? "") ? SHELLS[shell ?? ""]?.() : undefined;
  if (script === undefined && !(json && shell === undefined)) throw new UsageError("write bash, zsh or fish");
  if (json) writeJson(definitions(script ?? null));
  else write(script ?? "");
  return EX.OK;
}

const definitions = (script: string | null): Commands => ({
  commands: entries().map(([name, { help, args, options }]) => ({
    ...{ name, help, arguments: [...args] },
    options: Object.entries(options).map(([option, { short = null, value = null, help: meaning }]) => ({
      ...{ name: option, short, value, help: meaning },
    })),
  })),
  script,
});
