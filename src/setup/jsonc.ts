/** Whether opencode can read a config: JSON with comments, trailing commas, and its own `{env:…}` and `{file:…}`. */

const GAP = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
/** There is one way only to read a string: with two, one that does not end would be tried in as many ways as there are atoms. */
const STRING = /"[^"\\\p{Cc}]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\p{Cc}]*)*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\b/y;
/** opencode puts these in before it parses, outside of strings too. */
const SUBSTITUTION = /\{(?:env|file):[^}\n]+\}/y;
const MARK = { open: /\{/y, close: /\}/y, openList: /\[/y, closeList: /\]/y, comma: /,/y, colon: /:/y };

/** Reads one value and stops where it cannot go on. */
class Reader {
  readonly #text: string;
  /** How far the text makes sense. */
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    this.at += found?.length ?? 0;
    return found !== undefined;
  }

  /** `pattern`, after blanks and comments. */
  #next(pattern: RegExp): boolean {
    this.#take(GAP);
    return this.#take(pattern);
  }

  #items(close: RegExp, item: () => boolean): boolean {
    while (!this.#next(close)) {
      if (!item()) return false;
      if (!this.#next(MARK.comma)) return this.#next(close);
    }
    return true;
  }

  #member = (): boolean => this.#next(STRING) && this.#next(MARK.colon) && this.#value();

  #value = (): boolean => {
    if ([STRING, SCALAR, SUBSTITUTION].some((pattern) => this.#next(pattern))) return true;
    if (this.#next(MARK.openList)) return this.#items(MARK.closeList, this.#value);
    return this.object();
  };

  object(): boolean {
    return this.#next(MARK.open) && this.#items(MARK.close, this.#member);
  }

  /** Whether nothing but blanks and comments is left. */
  atEnd(): boolean {
    this.#take(GAP);
    return this.at === this.#text.length;
  }
}

/**
 * What is wrong with the text of a config; null when nothing is. Says where, and never what stands there: configs hold keys.
 */
export function configFault(text: string): string | null {
  const reader = new Reader(text.replace(/^\uFEFF/, " "));
  if (reader.atEnd()) return "is empty";
  if (reader.object() && reader.atEnd()) return null;
  const lines = text.slice(0, reader.at).split("\n");
  return `is not a JSON object (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`;
}
