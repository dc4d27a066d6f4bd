/** The `format`s of the schema: what each asks for, and what is said of a text that breaks it. */
import { addressFault, cidrFault, type TextFault } from "./address.ts";
import { quote } from "./text.ts";

export type { TextFault } from "./address.ts";

export interface Format {
  /** What such a text is called. */
  readonly noun: string;
  /** What is asked for, as in "write …", where that is more than the noun. */
  readonly hint?: string;
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
  // A UTF-16 unit takes three bytes at most.
  if (path.length * 3 <= MAX_PATH_PART) return null;
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

/** A slash and behind it an empty component, `.` or `..`. */
const ODD_PART = /\/\.{0,2}(\/|$)/;

/** systemd 257 writes the bind mounts of a transient unit unquoted: after a daemon-reload it reads such a path as something else. */
const UNBINDABLE = /[\s:"'\\]/;

const ABSOLUTE = 'an absolute path, such as "/srv/project"';
export function absolutePathFault(path: string): TextFault | null {
  if (!path.startsWith("/")) return { what: `${quote(path)} is not an absolute path`, fix: `write ${ABSOLUTE}` };
  const fault = pathTextFault(path, ABSOLUTE);
  if (fault === null && UNBINDABLE.test(path)) {
    const what = `${quote(path)} holds a blank, a colon, a quote or a backslash, which systemd cannot bind reliably`;
    return { what, fix: "write a path without them; a symbolic link can lead there" };
  }
  if (fault !== null || path === "/" || !ODD_PART.test(path)) return fault;
  const normal = `/${normalParts(path).join("/")}`;
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

/** A format that a pattern tells. */
function byPattern(pattern: RegExp, noun: string, hint: string): Format {
  const fix = `write ${hint}`;
  return { noun, hint, fault: (text) => (pattern.test(text) ? null : { what: `${quote(text)} is not ${noun}`, fix }) };
}

const ACCOUNT = 'a name of a-z, 0-9, "_" and "-" that starts with a letter or "_", 31 characters at most';
function accountFault(text: string): TextFault | null {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(text)) return null;
  const what = `${quote(text)} is ${/^[0-9]+$/.test(text) ? "a number, not a name" : "not an account name"}`;
  return { what, fix: `write ${ACCOUNT}` };
}

const SIZE = 'a number of bytes, or text such as "512M", "2G" or "50%"';
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
function sizeFault(text: string): TextFault | null {
  const [, digits = "", unit = ""] = /^([1-9][0-9]{0,15})([KMGT%]?)$/.exec(text) ?? [];
  const number = Number(digits) * (UNITS[unit] ?? 1);
  if (digits !== "" && number <= (unit === "%" ? 100 : Number.MAX_SAFE_INTEGER)) return null;
  return { what: `${quote(text)} is not a size`, fix: `write ${SIZE}` };
}

function unitTextFault(text: string): TextFault | null {
  if (!isBadText(text.replaceAll("\t", ""))) return null;
  const what = `${quote(text)} holds a control character (NUL, line break …) or broken text`;
  return { what, fix: "write one line of text; keep longer text in a file" };
}

function scriptFault(text: string): TextFault | null {
  if (!text.includes("\0") && text.isWellFormed()) return null;
  return { what: "holds a NUL character or broken text", fix: "write plain shell text" };
}

/** Every `format` of the schema. */
export const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ["absolute-path", { noun: "an absolute path", fault: absolutePathFault }],
  ["relative-path", { noun: "a relative path", fault: relativePathFault }],
  ["ip", { noun: "an IP address", hint: 'an IP address, such as "127.0.0.1" or "::1"', fault: addressFault }],
  ["cidr", { noun: "an address or CIDR", hint: 'an address or network, such as "10.0.0.0/8"', fault: cidrFault }],
  ["account-name", { noun: "an account name", hint: ACCOUNT, fault: accountFault }],
  ["unit-text", { noun: "one line of text", fault: unitTextFault }],
  ["script", { noun: "shell text", fault: scriptFault }],
  ["size", { noun: "a size", hint: SIZE, fault: sizeFault }],
  ["sha256", byPattern(/^[0-9a-f]{64}$/, "a SHA-256 digest", "64 hexadecimal digits")],
  ["percentage", byPattern(/^[1-9][0-9]{0,8}%$/, "a percentage", 'a percentage, such as "150%"')],
  [
    "variable-name",
    byPattern(
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      "the name of an environment variable",
      'a name of letters, digits and "_" that starts with no digit',
    ),
  ],
  [
    "directive-name",
    byPattern(/^[A-Z][A-Za-z0-9]*$/, "a systemd directive", 'a name as in systemd.exec(5), such as "MemoryMax"'),
  ],
]);
