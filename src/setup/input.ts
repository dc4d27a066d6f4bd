/** What the supervisor tells setup: one JSON argument, made in `src/sandbox/properties.ts`. */
export interface Input {
  /** HOME: the state directory. */
  readonly home: string;
  /** The project. */
  readonly directory: string;
  /** What `~/.config/opencode/opencode.json` is to lead to. */
  readonly config: string;
  /** Projected files: path below `~/.config/opencode` → source. */
  readonly files: Readonly<Record<string, string>>;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTextMap = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((text) => typeof text === "string");

/** The input in a program argument; null when it is not one. */
export function parseInput(argument: string | undefined): Input | null {
  try {
    const value: unknown = JSON.parse(argument ?? "");
    if (!isRecord(value)) return null;
    const { home, directory, config, files } = value;
    const texts = typeof home === "string" && typeof directory === "string" && typeof config === "string";
    return texts && isTextMap(files) ? { home, directory, config, files } : null;
  } catch {
    return null;
  }
}
