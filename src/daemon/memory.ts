/**
 * Hundreds of instances that are adopted, started or asked at once leave more garbage than all that is kept: V8 has no
 * reason to collect it once it is quiet, and malloc keeps what was freed. So that is done here, when the burst is over.
 */
import { trimMemory } from "systemd-notify";

/** Growth that is worth a pause of the whole process (about 50 ms with 500 instances), in bytes. */
const WORTH = 8 * 1024 * 1024;

/** Everything, and the pages that V8 would keep for the next burst as well; null when Node runs without `--expose-gc`. */
const { gc } = globalThis;
const collectAll = gc === undefined ? null : () => gc({ type: "major", execution: "sync", flavor: "last-resort" });

/** Call it when there is nothing else to do; it collects when there is something to collect. */
export function tidier(
  collect: (() => void) | null = collectAll,
  resident: () => number = process.memoryUsage.rss,
): () => void {
  let after = 0;
  return () => {
    if (collect === null || resident() < after + WORTH) return;
    collect();
    trimMemory();
    after = resident();
  };
}
