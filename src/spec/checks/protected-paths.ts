/** Parts of the host that no instance may be given, whatever else it is given. */
import type { PathUse } from "./path-uses.ts";
import tables from "./tables.json" with { type: "json" };

/**
 * Looked through in order; the first that applies is the one reported. The scope `self` means the path and whatever holds
 * it, `tree` all below it as well; `against` says for which kinds of use.
 */
const TABLE: readonly { path: string; scope: string; against: readonly string[]; because: string }[] =
  tables.protectedPaths;
const ROWS = TABLE.map((entry) => ({ ...entry, below: entry.path === "/" ? "/" : `${entry.path}/` }));

/** What is wrong with using a path so, as the end of a sentence that starts with the path; null when nothing is. */
export function protectedFault({ kind, path }: PathUse): string | null {
  const below = path === "/" ? "/" : `${path}/`;
  for (const { path: top, below: belowTop, scope, because, against } of ROWS) {
    if (!against.includes(kind)) continue;
    if (path === top) return because;
    if (top.startsWith(below)) return `contains ${top}, which ${because}`;
    if (scope === "tree" && path.startsWith(belowTop)) return `lies in ${top}, which ${because}`;
  }
  return null;
}
