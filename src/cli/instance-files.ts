/** The instance file and this host, as the daemon sees them, for commands that compute what it would do. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { probeHost } from "../daemon/host/features.ts";
import { readResolvers } from "../daemon/host/resolvers.ts";
import { readInstanceFile } from "../daemon/instance-file.ts";
import type { Host } from "../sandbox/host.ts";
import { type ParsedFile, parseInstanceFile } from "../spec/parse.ts";
import type { Problem } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { FileMistake } from "./output.ts";

const run = promisify(execFile);

export interface Instances {
  readonly specs: ReadonlyMap<string, InstanceSpec>;
  /** Names of instances with mistakes. */
  readonly bad: readonly string[];
  readonly problems: readonly Problem[];
  /** The file as it is written, for what was left out of it. */
  readonly raw: unknown;
}

/** Reads and checks a file. Throws a `ProblemError` when it cannot be read, {@link FileMistake} when it cannot be used. */
export async function readInstances(path: string): Promise<Instances> {
  const bytes = await readInstanceFile(path);
  const parsed: ParsedFile = parseInstanceFile(bytes, await readResolvers());
  const [first = NOTHING] = parsed.problems;
  if (!parsed.ok) throw new FileMistake({ ...first, what: `${path}: ${first.what}` });
  const raw: unknown = JSON.parse(
    Buffer.from(bytes)
      .toString("utf8")
      .replace(/^\ufeff/, ""),
  );
  return {
    ...{ bad: parsed.bad, problems: parsed.problems, raw },
    specs: new Map(parsed.specs.map((spec) => [spec.name, spec])),
  };
}
const NOTHING: Problem = { instance: null, field: "", what: "the file cannot be used", fix: "mend it" };

/** systemd's major version, as `systemctl --version` says it; 0 when it does not. */
export async function systemdVersion(): Promise<number> {
  const { stdout } = await run("systemctl", ["--version"]).catch(() => ({ stdout: "" }));
  return Number(/^systemd (\d+)/.exec(stdout)?.[1] ?? 0);
}

export const thisHost = async (): Promise<Host> => ({
  systemdVersion: await systemdVersion(),
  ...(await probeHost()),
});
