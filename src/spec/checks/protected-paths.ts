/** Parts of the host that no instance may be given, whatever else it is given. */
import { RUNTIME_DIR, STATE_DIR, STATE_ROOT } from "../names.ts";
import type { PathKind, PathUse } from "./path-uses.ts";

interface Protected {
  readonly path: string;
  /** `self`: the path and whatever holds it; `tree`: all below it as well. */
  readonly scope: "self" | "tree";
  readonly because: string;
  readonly against: readonly PathKind[];
}

const WRITERS: readonly PathKind[] = ["write", "state"];
const BOUND: readonly PathKind[] = ["write", "state", "share"];

const STATE_PARENT = "/var/lib/opencode";
const ETC = "/etc/opencode";

const row = (path: string, scope: "self" | "tree", against: readonly PathKind[], because: string): Protected => ({
  path,
  scope,
  because,
  against,
});

/** Looked through in order; the first that applies is the one reported. */
const TABLE: readonly Protected[] = [
  row("/", "self", WRITERS, "is the whole file system"),
  row(RUNTIME_DIR, "tree", [...BOUND, "config"], "is the supervisor's own"),
  row(STATE_DIR, "tree", [...BOUND, "config"], "is the supervisor's own"),
  row(ETC, "tree", BOUND, "is where the configuration of all instances lies"),
  row(ETC, "self", ["config"], "is a directory"),
  row(`${ETC}/opencode.json`, "self", ["config"], "is read by every opencode and overrides what it was given"),
  row(`${ETC}/opencode.jsonc`, "self", ["config"], "is read by every opencode and overrides what it was given"),
  row(`${ETC}/instances.json`, "self", ["config"], "is the instance file itself"),
  row(STATE_ROOT, "self", BOUND, "holds the state of all instances"),
  row(STATE_PARENT, "tree", ["write", "share", "config"], "is for the state of instances only"),
  ...["/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/nix", "/proc", "/sys", "/dev"].map((path) =>
    row(path, "tree", WRITERS, "belongs to the system"),
  ),
  ...["/run/systemd", "/run/dbus"].map((path) => row(path, "tree", WRITERS, "belongs to the system")),
  ...["/run", "/var", "/var/lib", "/home", "/tmp", "/var/tmp"].map((path) =>
    row(path, "self", WRITERS, "is shared by the whole host"),
  ),
];

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
