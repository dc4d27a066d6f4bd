/**
 * What the hosts of nix/tests/hosts have on disk, evaluated, as nix/tests/golden/HOST: the daemon is tested on it where Nix
 * is not to be had. `node scripts/nix-golden.ts` writes it anew; a test says when it is stale.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { value } from "../nix/tests/nix.ts";

const TESTS = resolve(import.meta.dirname, "../nix/tests");
export const GOLDEN = join(TESTS, "golden");

/** Path below a host's root → text. */
export type Tree = ReadonlyMap<string, string>;

/** Names of the hosts. */
export async function hosts(): Promise<string[]> {
  const names = await readdir(join(TESTS, "hosts"));
  return names
    .filter((name) => name.endsWith(".nix"))
    .map((name) => name.slice(0, -".nix".length))
    .sort();
}

const pretty = (text: string): string => `${JSON.stringify(JSON.parse(text), null, 2)}\n`;

/** The opencode.json files of nix/tests/configs.nix, kept beside the hosts. */
export const CONFIGS = "configs";

/** A host, evaluated (or {@link CONFIGS}). `extra` is a Nix module beside its own. */
export async function render(host: string, extra = "{ }"): Promise<Tree> {
  const result = host === CONFIGS ? value("configs.nix") : value("golden.nix", { host: JSON.stringify(host), extra });
  const files = Value.Parse(Type.Record(Type.String(), Type.String()), await result);
  const readable = /^(host|etc\/opencode\/instances)\.json$/;
  return new Map(Object.entries(files).map(([path, text]) => [path, readable.test(path) ? pretty(text) : text]));
}

/** A host as it is kept in the repository. */
export async function golden(host: string): Promise<Tree> {
  const root = join(GOLDEN, host);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths.map(async (path) => [path.slice(root.length + 1), await readFile(path, "utf8")] as const);
  return new Map(await Promise.all(files));
}

if (import.meta.main) {
  const names = [...(await hosts()), CONFIGS];
  const rendered = await Promise.all(names.map(async (name) => [name, await render(name)] as const));
  await rm(GOLDEN, { recursive: true, force: true });
  for (const [name, tree] of rendered) {
    for (const [path, text] of tree) {
      const file = join(GOLDEN, name, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
  }
}
