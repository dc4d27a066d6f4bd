/**
 * nix-instantiate for the tests: `OPENCODE_NIX_INSTANTIATE`, else what is on PATH, else Debian's nix-bin, unpacked beside the
 * machines' image (15 s and 150 MB, once; nothing is installed). It only ever evaluates: there is no store.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../testbed/host.ts";
import { mirror } from "../testbed/image.ts";
import { run } from "../testbed/run.ts";

export type Nix =
  | { readonly ok: true; readonly argv: readonly string[] }
  | { readonly ok: false; readonly why: string };

const SUITE = "trixie"; // Nix 2.26
/** No store to write to, and none to look into. */
const WITHOUT_STORE = ["--store", "dummy://"];

/** Finds it, or gets it. */
export async function cachedNix(env: NodeJS.ProcessEnv = process.env): Promise<Nix> {
  const named = env.OPENCODE_NIX_INSTANTIATE;
  if (named !== undefined) {
    if (existsSync(named)) return { ok: true, argv: [named, ...WITHOUT_STORE] };
    return { ok: false, why: `OPENCODE_NIX_INSTANTIATE is ${named}, which does not exist` };
  }
  const there = (env.PATH ?? "").split(":").map((directory) => join(directory, "nix-instantiate"));
  const found = there.find((path) => existsSync(path));
  if (found !== undefined) return { ok: true, argv: [found, ...WITHOUT_STORE] };
  if (process.getuid?.() !== 0)
    return { ok: false, why: "nix-instantiate is not on PATH; install Nix, or run as root" };
  try {
    return { ok: true, argv: [...unpacked(await unpack()), ...WITHOUT_STORE] };
  } catch (error) {
    const [why = ""] = String(error instanceof Error ? error.message : error).split("\n");
    return { ok: false, why: `nix-instantiate is not on PATH, and Debian's could not be had: ${why}` };
  }
}

/** The program by its own loader: nothing of it is where it expects to be. */
function unpacked(root: string): string[] {
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const loader = process.arch === "arm64" ? "usr/lib/ld-linux-aarch64.so.1" : "usr/lib64/ld-linux-x86-64.so.2";
  return [
    join(root, loader),
    ...["--library-path", join(root, "usr/lib", triplet)],
    ...["--argv0", "nix-instantiate"],
    join(root, "usr/bin/nix-instantiate"),
  ];
}

/** The directory it is unpacked in; those who come at once take turns. */
async function unpack(): Promise<string> {
  const root = join(cacheDir(), `nix-${SUITE}`);
  if (existsSync(root)) return root;
  mkdirSync(cacheDir(), { recursive: true });
  const script =
    '[ -d "$1" ] || { rm -rf "$1.part"; mmdebstrap --quiet --variant=extract --include=nix-bin "$2" "$1.part" "$3" && mv "$1.part" "$1"; }';
  const argv = ["flock", `${root}.lock`, "sh", "-c", script, "sh", root, SUITE, await mirror()];
  await run(argv, { timeoutMs: 300_000 }, "unpacking nix-bin");
  return root;
}
