/** journalctl(1) in and out. */

/** Fields as systemd.journal-fields(7) names them. A field that is not text, or repeats, is not a string. */
export type JournalEntry = Readonly<Record<string, unknown>> & { readonly __CURSOR: string; readonly MESSAGE: string };

export interface JournalQuery {
  readonly unit?: string;
  /** Perl-compatible pattern matched against MESSAGE. */
  readonly grep?: string;
  /** Matches such as `OPENCODE_INSTANCE=a` or `_TRANSPORT=kernel`, all of which must hold. */
  readonly matches?: readonly string[];
  /** Only entries after this one; see Machine.journalCursor. */
  readonly afterCursor?: string;
  /** At most this many, the newest. */
  readonly lines?: number;
}

export function journalArguments(query: JournalQuery): string[] {
  return [
    "--output=json",
    "--all",
    "--no-pager",
    ...(query.unit === undefined ? [] : [`--unit=${query.unit}`]),
    ...(query.grep === undefined ? [] : [`--grep=${query.grep}`]),
    ...(query.afterCursor === undefined ? [] : [`--after-cursor=${query.afterCursor}`]),
    ...(query.lines === undefined ? [] : [`--lines=${query.lines}`]),
    ...(query.matches ?? []),
  ];
}

/** One JSON object a line; an entry without a text MESSAGE gets an empty one. */
export function parseJournal(output: string): JournalEntry[] {
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line): JournalEntry => {
      const fields: Record<string, unknown> = JSON.parse(line);
      const { MESSAGE: message, __CURSOR: cursor } = fields;
      return { ...fields, MESSAGE: typeof message === "string" ? message : "", __CURSOR: String(cursor) };
    });
}
