/** Whether the native parts, which are built on this host, run in another Debian: they need the libc that they were built with, or a later one. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ARCH, TREE } from "./host.ts";

const PARTS = [
  "packages/*/build/Release/*.node",
  "packages/*/build/opencode-init",
  "node_modules/*/build/Release/*.node",
];
const TRIPLET = ARCH === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

/** N of the last GLIBC_2.N that a binary names: of a program what it needs, of a libc what it has; 0 when it names none. */
export function lastGlibc(binary: Uint8Array): number {
  const names = Buffer.from(binary)
    .toString("latin1")
    .matchAll(/\bGLIBC_2\.(\d+)/g);
  return [...names].reduce((last, [, minor]) => Math.max(last, Number(minor)), 0);
}

/** The native parts that do not load below this root, in one line; null when all do. */
export function tooNewFor(root: string, tree = TREE): string | null {
  const has = lastGlibc(readFileSync(join(root, "usr/lib", TRIPLET, "libc.so.6")));
  const needs = globSync(PARTS, { cwd: tree }).map(
    (path) => [path, lastGlibc(readFileSync(join(tree, path)))] as const,
  );
  const tooNew = needs.filter(([, minor]) => minor > has).map(([path, minor]) => `${path} (glibc 2.${minor})`);
  return tooNew.length === 0
    ? null
    : `built on this host, too new for a machine with glibc 2.${has}: ${tooNew.join(", ")}; build them on an older Debian`;
}
