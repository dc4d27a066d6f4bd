/**
 * The instance file as the daemon holds it. A broken file changes nothing: what was good stays wanted. A broken instance in
 * a good file changes nothing for that instance, and nothing for the others.
 */
import { type ParsedFile, parseInstanceFile } from "../spec/parse.ts";
import { type Problem, ProblemError } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";

export interface FileState {
  readonly path: string;
  /** Enabled, valid instances. One that did not change is the same object as before. */
  readonly specs: readonly InstanceSpec[];
  readonly disabled: readonly InstanceSpec[];
  /** Instances to be left as they are, their part of the file being broken; "all" when no good file was ever seen. */
  readonly kept: readonly string[] | "all";
  readonly problems: readonly Problem[];
  /** When the good file was read, milliseconds since the epoch; null when never. */
  readonly loadedAt: number | null;
  /** Whether the file as it is now was taken in. */
  readonly ok: boolean;
}

export class Loader {
  readonly #path: string;
  readonly #read: (path: string) => Promise<Uint8Array>;
  readonly #readResolvers: () => Promise<readonly string[]>;
  /** What the present state was made from; null for a file that could not be read. */
  #bytes: Uint8Array | null = null;
  #resolvers = "";
  #state: FileState;

  /** `readResolvers`: those of the host; they are part of what the file means for instances that name none. */
  constructor(
    path: string,
    read: (path: string) => Promise<Uint8Array>,
    readResolvers: () => Promise<readonly string[]> = async () => [],
  ) {
    this.#path = path;
    this.#read = read;
    this.#readResolvers = readResolvers;
    this.#state = { path, specs: [], disabled: [], kept: "all", problems: [], loadedAt: null, ok: false };
  }

  get state(): FileState {
    return this.#state;
  }

  /** Read the file. Answers with the same state as before when there is nothing new. Never throws. */
  async load(): Promise<FileState> {
    try {
      const bytes = await this.#read(this.#path);
      const resolvers = await this.#readResolvers();
      const same = this.#bytes !== null && Buffer.compare(bytes, this.#bytes) === 0;
      if (!same || this.#resolvers !== resolvers.join()) {
        this.#state = this.#take(parseInstanceFile(bytes, resolvers));
        this.#bytes = bytes;
        this.#resolvers = resolvers.join();
      }
    } catch (error) {
      const problem = fileProblem(this.#path, error);
      const known = this.#bytes === null && this.#state.problems[0]?.what === problem.what;
      if (!known) this.#state = { ...this.#state, ok: false, problems: [problem] };
      this.#bytes = null;
    }
    return this.#state;
  }

  #take(parsed: ParsedFile): FileState {
    if (!parsed.ok) return { ...this.#state, ok: false, problems: parsed.problems };
    const known = new Map([...this.#state.specs, ...this.#state.disabled].map((spec) => [spec.name, spec]));
    const specs = parsed.specs.map((spec) => sameAs(known.get(spec.name), spec));
    return {
      path: this.#path,
      specs: specs.filter((spec) => spec.enable),
      disabled: specs.filter((spec) => !spec.enable),
      kept: parsed.bad,
      problems: parsed.problems,
      loadedAt: Date.now(),
      ok: true,
    };
  }
}

/** The old object when it says the same: an unchanged instance is then recognised by identity. */
const sameAs = (old: InstanceSpec | undefined, spec: InstanceSpec): InstanceSpec =>
  old !== undefined && JSON.stringify(old) === JSON.stringify(spec) ? old : spec;

function fileProblem(path: string, error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const what = `${path}: ${error instanceof Error ? error.message : String(error)}`;
  return { instance: null, field: "", what, fix: "write the instance file there" };
}
