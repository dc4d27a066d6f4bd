/**
 * "Started" markers: `/run/opencode-supervisor/started/<name>` holds the spec hash last started. A transient unit that
 * is stopped vanishes from systemd; the marker tells one stopped by hand from one never started, also for the next daemon.
 */
import { readdir } from "node:fs/promises";
import { RUNTIME_DIR } from "../../spec/names.ts";
import { isMissing, readText, remove, writeIfChanged } from "./files.ts";

const DIRECTORY = `${RUNTIME_DIR}/started`;
const pathOf = (name: string) => `${DIRECTORY}/${name}`;

export const writeMarker = (name: string, specHash: string): boolean =>
  writeIfChanged(pathOf(name), specHash, { mode: 0o644 });
export const removeMarker = (name: string): void => remove(pathOf(name));

/** Spec hash last started, by instance, and the instances that have a root directory. */
export async function readLeftovers(): Promise<{ markers: Map<string, string>; roots: Set<string> }> {
  const [markers, roots] = await Promise.all([readMarkers(), listDirectory(`${RUNTIME_DIR}/root`)]);
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

async function readMarkers(): Promise<Map<string, string>> {
  const markers = await listMarkers();
  return new Map(markers.map((name) => [name, readText(pathOf(name)) ?? ""]));
}
