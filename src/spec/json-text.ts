/**
 * Reading JSON so that a person can mend it: where it breaks (line and column, which `JSON.parse` does not always say),
 * keys written twice (which it hides) and `__proto__` (which has no business in a data file). RFC 8259, nothing more.
 */

/** Nesting and number of values beyond which a file is refused unread: nothing real comes near. */
export const MAX_DEPTH = 64;
export const MAX_VALUES = 250_000;

export type JsonPath = readonly (string | number)[];
/** A key that may not stand where it stands. */
export interface OddKey {
  readonly path: JsonPath;
  readonly why: "repeated" | "__proto__";
}
export interface JsonFault {
  /** What is wrong, without the place. */
  readonly what: string;
  /** Both from 1; columns count UTF-16 units. */
  readonly line: number;
  readonly column: number;
}
export type JsonText =
  | { readonly ok: true; readonly value: unknown; readonly oddKeys: readonly OddKey[] }
  | { readonly ok: false; readonly fault: JsonFault };

/** Takes one token; null when it fits, otherwise what is wrong at `scan.at`. */
type Step = (scan: Scan) => string | null;
/** An open container; `keys` is null in an array, `here` is the key or index being read. */
interface Frame {
  readonly keys: Set<string> | null;
  here: string | number;
}
interface Scan {
  readonly text: string;
  readonly frames: Frame[];
  readonly oddKeys: OddKey[];
  at: number;
  values: number;
  /** What takes the next token; null at the end. */
  next: Step | null;
}

const LITERAL = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Moves behind the string that starts at `scan.at`. */
function takeString(scan: Scan): string | null {
  const { text } = scan;
  scan.at++;
  for (;;) {
    const code = text.charCodeAt(scan.at);
    if (code === QUOTE) {
      scan.at++;
      return null;
    }
    if (Number.isNaN(code)) return "the string has no closing quote";
    if (code < 0x20) return "a string holds a bare control character or line break";
    if (code === BACKSLASH) {
      ESCAPE.lastIndex = scan.at;
      if (!ESCAPE.test(text)) return "a string holds a backslash that starts no escape";
      scan.at = ESCAPE.lastIndex;
    } else scan.at++;
  }
}

function open(scan: Scan, keys: Set<string> | null): string | null {
  if (scan.frames.length === MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} deep`;
  scan.frames.push({ keys, here: 0 });
  scan.at++;
  scan.next = keys === null ? takeFirstValue : takeFirstKey;
  return null;
}

function close(scan: Scan): null {
  scan.at++;
  scan.frames.pop();
  return afterValue(scan);
}

function afterValue(scan: Scan): null {
  scan.next = scan.frames.length === 0 ? takeEnd : takeComma;
  return null;
}

const takeValue: Step = (scan) => {
  if (++scan.values > MAX_VALUES) return `it holds more than ${MAX_VALUES} values`;
  const first = scan.text.charCodeAt(scan.at);
  if (first === BRACE) return open(scan, new Set());
  if (first === BRACKET) return open(scan, null);
  afterValue(scan);
  if (first === QUOTE) return takeString(scan);
  LITERAL.lastIndex = scan.at;
  if (!LITERAL.test(scan.text)) return "a value was expected";
  scan.at = LITERAL.lastIndex;
  return null;
};

const takeKey: Step = (scan) => {
  const start = scan.at;
  const frame = scan.frames.at(-1);
  if (scan.text.charCodeAt(start) !== QUOTE || frame === undefined || frame.keys === null) {
    return "a key in double quotes was expected";
  }
  const wrong = takeString(scan);
  if (wrong !== null) return wrong;
  const raw = scan.text.slice(start + 1, scan.at - 1);
  frame.here = raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
  const why = frame.here === "__proto__" ? "__proto__" : frame.keys.has(frame.here) ? "repeated" : null;
  if (why !== null) scan.oddKeys.push({ path: scan.frames.map(({ here }) => here), why });
  frame.keys.add(frame.here);
  scan.next = takeColon;
  return null;
};

const takeComma: Step = (scan) => {
  const frame = scan.frames.at(-1);
  const isObject = frame !== undefined && frame.keys !== null;
  const first = scan.text.charCodeAt(scan.at);
  if (first === (isObject ? BRACE_END : BRACKET_END)) return close(scan);
  if (first !== COMMA) return isObject ? 'a "," or "}" was expected' : 'a "," or "]" was expected';
  if (frame !== undefined && typeof frame.here === "number") frame.here++;
  scan.at++;
  scan.next = isObject ? takeKey : takeValue;
  return null;
};

const takeFirstKey: Step = (scan) => (scan.text.charCodeAt(scan.at) === BRACE_END ? close(scan) : takeKey(scan));
const takeFirstValue: Step = (scan) => (scan.text.charCodeAt(scan.at) === BRACKET_END ? close(scan) : takeValue(scan));

const takeColon: Step = (scan) => {
  if (scan.text.charCodeAt(scan.at) !== COLON) return 'a ":" was expected after the key';
  scan.at++;
  scan.next = takeValue;
  return null;
};

const takeEnd: Step = (scan) => {
  if (scan.at < scan.text.length) return "there is text behind the end of the document";
  scan.next = null;
  return null;
};

function skipSpace(scan: Scan): void {
  for (;;) {
    const code = scan.text.charCodeAt(scan.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    scan.at++;
  }
}

/** `line` and `column` of an offset, both from 1. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** Reads JSON text; never throws. */
export function parseJsonText(text: string): JsonText {
  const scan: Scan = { text, frames: [], oddKeys: [], at: 0, values: 0, next: takeValue };
  while (scan.next !== null) {
    skipSpace(scan);
    const wrong = scan.next(scan);
    if (wrong === null) continue;
    const what = scan.at >= text.length ? `it ends too early: ${wrong}` : wrong;
    return { ok: false, fault: { what, ...placeOf(text, scan.at) } };
  }
  return { ok: true, value: JSON.parse(text), oddKeys: scan.oddKeys };
}
