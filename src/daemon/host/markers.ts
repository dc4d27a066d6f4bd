/**
 * "Started" markers: `/run/opencode-supervisor/started/<name>` holds the spec hash last started. A transient unit that
 * is stopped vanishes from systemd; the marker tells one stopped by hand from one never started, also for the next daemon.
 */
import { statSync, utimesSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { RUNTIME_DIR } from "../../spec/names.ts";
import { isMissing, readText, remove, writeIfChanged } from "./files.ts";

const DIRECTORY = `${RUNTIME_DIR}/started`;
const pathOf = (name: string) => `${DIRECTORY}/${name}`;

/** Its time is that of the last call: that tells something, too. */
export function writeMarker(name: string, specHash: string): void {
  if (!writeIfChanged(pathOf(name), specHash, { mode: 0o644 })) utimesSync(pathOf(name), new Date(), new Date());
}
export const removeMarker = (name: string): void => remove(pathOf(name));

/** Spec hash last started since then (milliseconds since the epoch), by instance, and the instances that have a root directory. */
export async function readLeftovers(since: number): Promise<{ markers: Map<string, string>; roots: Set<string> }> {
  const [markers, roots] = await Promise.all([readMarkers(since), listDirectory(`${RUNTIME_DIR}/root`)]);
  return { markers, roots: new Set(roots) };
}

async function listDirectory(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
}

/** Instances that have a marker. */
export async function listMarkers(): Promise<string[]> {
  const hidden = /\.[0-9a-f]{12}$/; // a marker being written
  return (await listDirectory(DIRECTORY)).filter((name) => !hidden.test(name));
}

async function readMarkers(since: number): Promise<Map<string, string>> {
  const madeAt = (name: string): number => statSync(pathOf(name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const markers = (await listMarkers()).filter((name) => madeAt(name) >= since);
  return new Map(markers.map((name) => [name, readText(pathOf(name)) ?? ""]));
}
