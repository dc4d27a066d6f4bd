/** What comes from an agent is untrusted: bounded, and without anything that a terminal or a page would act on. */

/** One line of at most `most` characters; control, format and private-use characters and lone surrogates become spaces. */
export function plain(text: string, most = 200): string {
  const clean = text
    .toWellFormed()
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return clean.length <= most ? clean : `${clean.slice(0, most - 1).toWellFormed()}…`;
}
