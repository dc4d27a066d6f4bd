/**
 * The host's files that every instance sees (`Runtime.files`, `Runtime.directories`): copies in one directory, bound into all
 * of them. A file bound by itself would be the one that was there when the instance started, for as long as it runs, and a
 * start that meets it being replaced fails; and each bind makes each start slower. There from the first instance's start to
 * the last one's end. Without waiting, as in `entries.ts`.
 */
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { plainPath, type Runtime } from "../../sandbox/host.ts";
import { HOST_FILES, rootDir } from "../../spec/names.ts";
import { makeDirectories, place } from "./entries.ts";
import { publicEntries } from "./public.ts";

export interface HostFilesPlace {
  /** Where copies are kept. */
  readonly to: string;
  /** Where instances' roots are: without any, nothing is kept. */
  readonly roots: string;
}
const PLACE: HostFilesPlace = { to: HOST_FILES, roots: dirname(rootDir("any")) };

/** What instances find at `/sys`: a place for their own control group, and nothing else. Made last, it says that all is there. */
const SYS = "/sys/fs/cgroup";

export class HostFiles {
  readonly #runtime: Runtime;
  readonly #trouble: (error: unknown) => void;
  readonly #place: HostFilesPlace;

  /** `trouble` is told what could not be copied: of that, what was kept before stays. */
  constructor(runtime: Runtime, trouble: (error: unknown) => void, where: HostFilesPlace = PLACE) {
    this.#runtime = runtime;
    this.#trouble = trouble;
    this.#place = where;
  }

  get paths(): readonly string[] {
    return [...this.#runtime.files, ...this.#runtime.directories];
  }

  /** See that they are there, for an instance whose root has been made. */
  ensure(): void {
    if (!existsSync(`${this.#place.to}${SYS}`)) this.refresh();
  }

  /** Make what is kept as the host's are now. */
  refresh(): void {
    if (!this.#isUsed()) return;
    for (const path of this.paths) {
      try {
        this.#keep(path);
      } catch (error) {
        this.#trouble(error);
      }
    }
    makeDirectories(`${this.#place.to}${SYS}`);
  }

  #keep(path: string): void {
    const { to } = this.#place;
    const wanted = new Map(publicEntries(path, this.#runtime.runtimePaths.map(plainPath)));
    for (const leaf of leaves(`${to}${path}`)) if (!wanted.has(leaf.slice(to.length))) rmSync(leaf, { force: true });
    for (const [each, entry] of wanted) place(`${to}${each}`, entry);
  }

  /** Take them away when no instance is left. */
  removeUnused(): void {
    if (!this.#isUsed()) rmSync(this.#place.to, { recursive: true, force: true });
  }

  #isUsed(): boolean {
    const { roots } = this.#place;
    return existsSync(roots) && readdirSync(roots).length > 0;
  }
}

/** What is there, or all below it but directories; links are not followed (node's `recursive` follows them). */
function* leaves(path: string): Generator<string> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) for (const name of readdirSync(path)) yield* leaves(join(path, name));
  else if (found !== undefined) yield path;
}
