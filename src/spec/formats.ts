/** The `format`s of the schema: what each asks for, and what is said of a text that breaks it. */
import { addressFault, cidrFault, type TextFault } from "./address.ts";
import { quote } from "./text.ts";

export type { TextFault } from "./address.ts";

export interface Format {
  /** What is asked for, as in "write …". */
  readonly noun: string;
  /** What is wrong with a text; null when nothing is. */
  readonly fault: (text: string) => TextFault | null;
}

const CONTROL = /\p{Cc}/u;
/** PATH_MAX less the final NUL (path_resolution(7)). */
const MAX_PATH = 4095;
const MAX_PATH_PART = 255;
/** Ours: keeps the comparing of paths cheap. */
const MAX_PATH_PARTS = 128;

const isBadText = (text: string): boolean => CONTROL.test(text) || !text.isWellFormed();

/** What is wrong with a path's characters or length, whatever kind of path it is. */
function pathTextFault(path: string, noun: string): TextFault | null {
  const fix = `write ${noun}`;
  if (isBadText(path)) return { what: `${quote(path)} holds a control character or broken text`, fix };
  if (Buffer.byteLength(path) > MAX_PATH) return { what: `is longer than ${MAX_PATH} bytes`, fix };
  const parts = path.split("/");
  if (parts.length > MAX_PATH_PARTS) return { what: `has more than ${MAX_PATH_PARTS} components`, fix };
  const long = parts.some((part) => Buffer.byteLength(part) > MAX_PATH_PART);
  return long ? { what: `${quote(path)} has a component longer than ${MAX_PATH_PART} bytes`, fix } : null;
}

/** A path's components with `.`, `..` and empty ones resolved away. */
function normalParts(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

const ABSOLUTE = 'an absolute path, such as "/srv/project"';
function absolutePathFault(path: string): TextFault | null {
  if (!path.startsWith("/")) return { what: `${quote(path)} is not an absolute path`, fix: `write ${ABSOLUTE}` };
  const fault = pathTextFault(path, ABSOLUTE);
  const normal = `/${normalParts(path).join("/")}`;
  if (fault !== null || normal === path) return fault;
  return { what: `${quote(path)} has a "." or ".." or a "/" too many`, fix: `write ${quote(normal)}` };
}

const RELATIVE = 'a relative path, such as "agent/review.md"';
function relativePathFault(path: string): TextFault | null {
  const fault = pathTextFault(path, RELATIVE);
  if (fault !== null) return fault;
  const outside = path === "" || path.startsWith("/") || path.split("/").includes("..");
  if (outside) return { what: `${quote(path)} is not a relative path without ".."`, fix: `write ${RELATIVE}` };
  const normal = normalParts(path).join("/");
  if (normal === path) return null;
  return {
    what: `${quote(path)} has a "." or a "/" too many`,
    fix: normal === "" ? `write ${RELATIVE}` : `write ${quote(normal)}`,
  };
}

/** A format that a pattern tells: `what` follows the quoted text. */
function byPattern(pattern: RegExp, noun: string, what: string): Format {
  return {
    noun,
    fault: (text) => (pattern.test(text) ? null : { what: `${quote(text)} ${what}`, fix: `write ${noun}` }),
  };
}

const ACCOUNT = 'a name of a-z, 0-9, "_" and "-" that starts with a letter or "_", 31 characters at most';
function accountFault(text: string): TextFault | null {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(text)) return null;
  const isId = /^[0-9]+$/.test(text);
  return {
    what: `${quote(text)} is ${isId ? "a number, not a name" : "not an account name"}`,
    fix: `write ${ACCOUNT}`,
  };
}

function unitTextFault(text: string): TextFault | null {
  if (!isBadText(text.replaceAll("\t", ""))) return null;
  return {
    what: `${quote(text)} holds a control character (NUL, line break …) or broken text`,
    fix: "write one line of text; keep longer text in a file",
  };
}

/** Every `format` of the schema. */
export const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ["absolute-path", { noun: ABSOLUTE, fault: absolutePathFault }],
  ["relative-path", { noun: RELATIVE, fault: relativePathFault }],
  ["ip", { noun: 'an IP address, such as "127.0.0.1" or "::1"', fault: addressFault }],
  ["cidr", { noun: 'an address or network, such as "10.0.0.0/8"', fault: cidrFault }],
  ["account-name", { noun: ACCOUNT, fault: accountFault }],
  ["unit-text", { noun: "one line of text", fault: unitTextFault }],
  [
    "script",
    {
      noun: "shell text",
      fault: (text) =>
        !text.includes("\0") && text.isWellFormed()
          ? null
          : { what: "holds a NUL character or broken text", fix: "write plain shell text" },
    },
  ],
  [
    "size",
    byPattern(
      /^[1-9][0-9]{0,17}([KMGT]|%)?$/,
      'a number of bytes, or text such as "512M", "2G" or "50%"',
      "is not a size",
    ),
  ],
  ["percentage", byPattern(/^[1-9][0-9]{0,8}%$/, 'a percentage, such as "150%"', "is not a percentage")],
  [
    "variable-name",
    byPattern(
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      'a name of letters, digits and "_" that starts with no digit',
      "is not the name of an environment variable",
    ),
  ],
  [
    "directive-name",
    byPattern(/^[A-Z][A-Za-z0-9]*$/, 'a name as in systemd.exec(5), such as "MemoryMax"', "is not a systemd directive"),
  ],
]);
