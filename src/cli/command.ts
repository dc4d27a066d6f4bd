/** What a command is: from it come the check of its arguments, the help, the completions and docs/reference/cli.md. */
import { parseArgs } from "node:util";
import { EX } from "./exit.ts";

export interface Option {
  readonly type: "boolean" | "string";
  readonly short?: string;
  /** What its value is called, for a string. */
  readonly value?: string;
  readonly help: string;
}

/** What stands without a dash. */
export interface Argument {
  readonly name: "NAME" | "FILE" | "SHELL" | "ARGUMENT";
  readonly kind: "required" | "optional" | "many";
}

/** What was asked for, checked against the definition. */
export interface Call {
  /** Options that were given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly args: readonly string[];
}

export interface Command {
  readonly args: readonly Argument[];
  readonly options: Readonly<Record<string, Option>>;
  readonly help: string;
  /** The exit status. */
  run(call: Call): Promise<number>;
}

export const JSON_OPTION = { json: { type: "boolean", help: "as JSON, for programs" } } as const;
export const ONE: readonly Argument[] = [{ name: "NAME", kind: "required" }];
export const MAYBE_ONE: readonly Argument[] = [{ name: "NAME", kind: "optional" }];

/** A wrong call; the message says what is wrong. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The supervisor cannot be asked; the message says what to do. */
export class Unavailable extends Error {
  override name = "Unavailable";
  /** How the program then exits. */
  readonly status: number = EX.UNAVAILABLE;
}

/** It may not be asked by this user. */
export class NotPermitted extends Unavailable {
  override name = "NotPermitted";
  override readonly status = EX.NOPERM;
}

const SHOWN: Readonly<Record<Argument["kind"], (name: string) => string>> = {
  required: (name) => name,
  optional: (name) => `[${name}]`,
  many: (name) => `[-- ${name}…]`,
};

/** `logs NAME [--follow] [--lines N]` */
export function usageOf(name: string, { args, options }: Command): string {
  const flags = Object.entries(options).map(
    ([flag, { value }]) => `[--${flag}${value === undefined ? "" : ` ${value}`}]`,
  );
  return [name, ...args.map((arg) => SHOWN[arg.kind](arg.name)), ...flags].join(" ");
}

/**
 * Checks what was typed.
 * @throws UsageError for an unknown option, a value that is missing, too many or too few arguments
 */
export function parseCall({ args, options }: Command, raw: readonly string[]): Call {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...raw], options: config, allowPositionals: true });
    const least = args.filter(({ kind }) => kind === "required").length;
    if (positionals.length < least) throw new UsageError(`${args[positionals.length]?.name} is missing`);
    if (positionals.length > args.length && !args.some(({ kind }) => kind === "many"))
      throw new UsageError(`${JSON.stringify(positionals[args.length])} is one argument too many`);
    return { options: Object.fromEntries(Object.entries(values).filter(isPlain)), args: positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!code.startsWith("ERR_PARSE_ARGS")) throw error;
    throw new UsageError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : "", { cause: error });
  }
}
const isPlain = (entry: [string, unknown]): entry is [string, string | boolean] =>
  typeof entry[1] === "string" || typeof entry[1] === "boolean";
