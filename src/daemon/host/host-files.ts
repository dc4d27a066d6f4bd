/**
 * The single files of the host that every instance sees (`Runtime.files`): copies in one directory, bound into all of them.
 * A file bound by itself would be the one that was there when the instance started, for as long as it runs, and a start that
 * meets it being replaced fails. There from the first instance's start to the last one's end.
 */
import { constants, existsSync, readdirSync, rmSync } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { plainPath, type Runtime } from "../../sandbox/host.ts";
import { HOST_FILES, isWithin, rootDir } from "../../spec/names.ts";
import { shared } from "../shared.ts";
import { type Entry, makeDirectories, place } from "./entries.ts";
import { isMissing } from "./files.ts";

/** A list of hosts to block has some megabytes; what has more is no such file. */
const BYTES_MOST = 16 << 20;
const EVERYBODY_READS = 0o004;
const EVERYBODY_RUNS = 0o001;

export interface HostFilesPlace {
  /** Where copies are kept. */
  readonly to: string;
  /** Where instances' roots are: without any, nothing is kept. */
  readonly roots: string;
}
const PLACE: HostFilesPlace = { to: HOST_FILES, roots: dirname(rootDir("any")) };

export class HostFiles {
  readonly #runtime: Runtime;
  readonly #place: HostFilesPlace;
  /** Make what is kept as the host's are now. */
  readonly refresh: () => Promise<void> = shared(() => this.#copy());

  constructor(runtime: Runtime, where: HostFilesPlace = PLACE) {
    this.#runtime = runtime;
    this.#place = where;
  }

  get paths(): readonly string[] {
    return this.#runtime.files;
  }

  /** See that they are there, for an instance whose root has been made. */
  async ensure(): Promise<void> {
    if (!existsSync(this.#place.to)) await this.refresh();
  }

  /** Take them away when no instance is left. */
  removeUnused(): void {
    if (!this.#isUsed()) rmSync(this.#place.to, { recursive: true, force: true });
  }

  #isUsed(): boolean {
    const { roots } = this.#place;
    return existsSync(roots) && readdirSync(roots).length > 0;
  }

  async #copy(): Promise<void> {
    const { runtimePaths, files } = this.#runtime;
    const bound = runtimePaths.map(plainPath);
    const found = await Promise.all(files.map(async (path) => [path, await entryOf(path, bound)] as const));
    if (!this.#isUsed()) return; // the last one went meanwhile
    makeDirectories(this.#place.to);
    for (const [path, entry] of found) place(`${this.#place.to}${path}`, entry);
  }
}

/** What an instance is to find: a link where the host's leads to what it has too, else what is in it; null for nothing. */
async function entryOf(path: string, bound: readonly string[]): Promise<Entry | null> {
  try {
    const real = await realpath(path);
    if (real !== path && bound.some((above) => isWithin(real, above))) return { link: real };
    return await readPublic(real);
  } catch (error) {
    if (isMissing(error) || isLoop(error)) return null;
    throw error;
  }
}

const isLoop = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ELOOP";

/** A plain file that everybody may read; null for another. Does not wait at a FIFO. */
async function readPublic(path: string): Promise<Entry | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile() || (found.mode & EVERYBODY_READS) === 0 || found.size > BYTES_MOST) return null;
    return { content: await file.readFile(), mode: (found.mode & EVERYBODY_RUNS) === 0 ? 0o644 : 0o755 };
  } finally {
    await file.close();
  }
}
