/**
 * `npm run package`: one archive that is all another host needs: what `npm pack` makes, its dependencies with Node among
 * them, the native parts built here, and the opencode that the tests ran with. For the same processor and a Debian as old
 * as this one, or newer. It is unpacked below /usr/lib; see docs/getting-started/debian.md.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../src/version.ts";
import { ARCH, opencodeBinary, TREE } from "../testbed/host.ts";

/** Directory in the archive, and below /usr/lib on the host that it is for. */
const NAME = "opencode-supervisor";
/** What docs/getting-started/debian.md says to run where the package is installed by npm itself. */
export const NPM_STEPS = [
  "npm install --omit=dev --ignore-scripts",
  "npm rebuild --ignore-scripts=false systemd-journald",
] as const;
export const ARCHIVE = `${NAME}-${VERSION}-linux-${ARCH}.tar.gz`;

/** `npm pack`, unpacked below `directory`, with its dependencies; the path of it. */
export function installedPackage(directory: string): string {
  const unpacked = join(directory, NAME);
  const nodedir = join(unpacked, "node_modules", `node-linux-${ARCH}`);
  const env = { ...process.env, npm_config_nodedir: nodedir, npm_config_prefer_offline: "true" };
  const run = (cwd: string, command: string) => execFileSync("sh", ["-ec", command], { cwd, env, stdio: "pipe" });
  run(TREE, `npm pack --silent --pack-destination ${directory}`);
  const [packed = ""] = readdirSync(directory).filter((name) => name.endsWith(".tgz"));
  mkdirSync(unpacked);
  run(directory, `tar xf ${packed} --strip-components=1 -C ${NAME}`);
  for (const step of NPM_STEPS) run(unpacked, step);
  return unpacked;
}

/** Writes the archive to `destination`. */
export function archive(destination: string): void {
  const directory = mkdtempSync(join(tmpdir(), "package-"));
  try {
    const unpacked = installedPackage(directory);
    const opencode = join(unpacked, "opencode");
    mkdirSync(join(opencode, "bin"), { recursive: true });
    cpSync(join(TREE, opencodeBinary()), join(opencode, "bin/opencode"));
    const unneeded = ["include", "share"].map((name) => join(NAME, "node_modules", `node-linux-${ARCH}`, name));
    const args = ["--create", "--gzip", `--file=${destination}`, `--directory=${directory}`, "--owner=0", "--group=0"];
    execFileSync("tar", [...args, ...unneeded.map((path) => `--exclude=${path}`), NAME]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) {
  archive(join(TREE, ARCHIVE));
  process.stdout.write(`${ARCHIVE}\n`);
}
