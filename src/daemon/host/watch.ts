/**
 * Noticing that a file changed: written in place, renamed into place, missing and made, or a link that leads elsewhere or
 * whose target does. What is noticed is only a hint that it is worth reading again.
 */
import { readlink, realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { watch } from "chokidar";
import { debounced } from "../later.ts";

export interface FileWatch {
  close(): Promise<void>;
}

/** Changes come in bursts; one report is made of those within this time. */
const BURST_MS = 100;

/** Calls `changed` some time after `path`, or what it leads to, may have changed, and once when the watch stands. */
export function watchFile(path: string, changed: () => void): FileWatch {
  const report = debounced(changed, BURST_MS);
  const watcher = watch(path, { ignoreInitial: true, atomic: false, followSymlinks: false });
  let target = path;
  const follow = async (): Promise<void> => {
    const now = await leadsTo(path);
    if (watcher.closed || now === target) return;
    if (target !== path) watcher.unwatch(target);
    if (now !== path) watcher.add(now);
    target = now;
  };
  const noticed = () => void follow().finally(report);
  watcher.on("all", noticed);
  watcher.on("ready", noticed);
  watcher.on("error", noticed);
  return { close: () => watcher.close() };
}

/** The file at the end of a path's links; of a link to nothing, what it says. */
async function leadsTo(path: string): Promise<string> {
  const real = await realpath(path).catch(() => null);
  if (real !== null) return real;
  const link = await readlink(path).catch(() => null);
  return link === null ? path : resolve(dirname(path), link);
}
