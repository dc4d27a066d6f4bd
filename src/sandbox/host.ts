import { posix } from "node:path";
import { isWithin } from "../spec/names.ts";
import runtime from "./runtime.json" with { type: "json" };

/** What an instance finds of the host so that programs run at all. */
export interface Runtime {
  /** Bound read-only at their own paths, or at the one after a colon; with a leading `-`, ignored when missing. */
  readonly runtimePaths: readonly string[];
  /** Links in the instance's root that lead into those, as they do on the host: path → target, relative. */
  readonly links: Readonly<Record<string, string>>;
  /** Single files, kept up to date for all instances in `HOST_FILES` (src/spec/names.ts), and links to there in their roots. */
  readonly files: readonly string[];
  /** Directories of which what everybody may read is kept likewise. */
  readonly directories: readonly string[];
  /** Directories that end every instance's PATH. */
  readonly path: readonly string[];
}

/** First systemd that takes the units as they are (`RestartSteps=`, `RestartMaxDelaySec=`); an older one refuses each of them. */
export const OLDEST_SYSTEMD = 254;

/** What the host was found to have. Probed by the daemon at start; plain data here. */
export interface Host extends Runtime {
  /** Major version of the running systemd. */
  readonly systemdVersion: number;
  /** Whether Landlock's abstract-socket and signal scopes can be had (ABI 6, Linux 6.12): `opencode-init --probe`. */
  readonly landlockScopes: boolean;
  readonly programs: {
    /** opencode-init. */
    readonly init: string;
    readonly node: string;
    /** `dist/setup/main.js`; its folder is bound with it. */
    readonly setup: string;
    /** POSIX shell for the hooks. */
    readonly shell: string;
  };
}

export type HostKind = "fhs" | "nixos";

/** The kinds of hosts, as `runtime.json` has them: `links` are directories that may be links into the rest (merged /usr). */
export const RUNTIME: Readonly<Record<HostKind, Omit<Runtime, "links"> & { readonly links: readonly string[] }>> =
  runtime;

/** The path without the `-` by which it may be missing. */
export const plainPath = (path: string): string => path.replace(/^-/, "");

/**
 * The runtime of a host of this kind. `readLink` says where a link of the host's leads; null for what is none. A directory of
 * `links` that is not a link into what is bound is bound itself.
 */
export function runtimeOf(kind: HostKind, readLink: (path: string) => string | null): Runtime {
  const { runtimePaths, links, ...rest } = RUNTIME[kind];
  const found = links.map((link) => [link, targetOf(link, readLink(link), runtimePaths)] as const);
  return {
    runtimePaths: [...runtimePaths, ...found.flatMap(([link, target]) => (target === null ? [`-${link}`] : []))],
    links: Object.fromEntries(found.flatMap(([link, target]) => (target === null ? [] : [[link, target]]))),
    ...rest,
  };
}

/** Where a link leads, relative to its own directory: an absolute one would lead out of the root when seen from the host. */
function targetOf(link: string, target: string | null, bound: readonly string[]): string | null {
  if (target === null) return null;
  const whole = posix.resolve(posix.dirname(link), target);
  return bound.some((above) => isWithin(whole, plainPath(above))) ? posix.relative(posix.dirname(link), whole) : null;
}
