/** For tests: a directory to play the host in, and what is put there. */
import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gone when the test ends. */
export const scratch = (t: { after(work: () => void): void }): string => {
  const directory = mkdtempSync(join(tmpdir(), "host-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
};
export const file = (text: string, mode = 0o644) => ({ content: Buffer.from(text), mode });
export const inodeOf = (path: string): bigint => lstatSync(path, { bigint: true }).ino;
