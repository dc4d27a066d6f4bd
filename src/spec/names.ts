/** Names that follow from an instance's name. Pure; units and slices as systemd.unit(5) and systemd.slice(5) spell them. */

/** The slice that all instances live in. */
export const PARENT_SLICE = "opencode.slice";
/** Stopping this target stops every instance. */
export const TARGET = "opencode.target";
export const SUPERVISOR_UNIT = "opencode-supervisor.service";
/** What systemd listens on for it, also while it is not there. */
export const SUPERVISOR_SOCKETS = ["opencode-supervisor.socket", "opencode-supervisor-control.socket"] as const;
/** Where the supervisor keeps what does not outlive a boot: roots, rendered configs, credentials. */
export const RUNTIME_DIR = "/run/opencode-supervisor";
/** Where the supervisor keeps what does: the passwords it made. */
export const STATE_DIR = "/var/lib/opencode-supervisor";
export const INSTANCE_FILE = "/etc/opencode/instances.json";
export const STATE_ROOT = "/var/lib/opencode/instance-state";

/** `project-a` → `opencode-project-a.service` */
export const mainUnit = (name: string): string => `opencode-${name}.service`;
/** `project-a` → `opencode-project-a-setup.service` */
export const setupUnit = (name: string): string => `opencode-${name}-setup.service`;
/** `project-a` → `opencode-project\x2da.slice`: a plain dash would nest it in `opencode-project.slice`. */
export const sliceUnit = (name: string): string => `opencode-${name.replaceAll("-", "\\x2d")}.slice`;
/** cgroup path of the instance's slice, relative to the cgroup root systemd manages. */
export const sliceCgroup = (name: string): string => `${PARENT_SLICE}/${sliceUnit(name)}`;
export const defaultUser = (name: string): string => `opencode-${name}`;
export const defaultStateDir = (name: string): string => `${STATE_ROOT}/${name}`;
/** The directory that becomes the instance's root: nothing but links, its accounts, and what systemd mounts things on. */
export const rootDir = (name: string): string => `${RUNTIME_DIR}/root/${name}`;
/**
 * Where the files of the host that every instance sees are kept up to date, each below its own path; bound read-only into all
 * of them, who have links to here.
 */
export const HOST_FILES = `${RUNTIME_DIR}/host`;
/** The opencode.json rendered from a literal `config`. */
export const renderedConfig = (name: string): string => `${RUNTIME_DIR}/config/${name}/opencode.json`;
/** Root-only `EnvironmentFile=` that carries the server's password. */
export const credentialFile = (name: string): string => `${RUNTIME_DIR}/credentials/${name}.env`;

/** The opencode.json that an instance reads: the operator's file, or the one rendered from `config`. */
export const configTarget = (spec: { name: string; configFile: string | null }): string =>
  spec.configFile ?? renderedConfig(spec.name);

/** Whether a path is another, or below it. */
export const isWithin = (path: string, above: string): boolean => path === above || path.startsWith(`${above}/`);

const MAIN_UNIT = /^opencode-(.+)\.service$/;
const SLICE_UNIT = /^opencode-([^-]+)\.slice$/;

/** What a unit name says: which instance and which of its units; null for a unit that is not an instance's. */
export function parseUnit(unit: string): { name: string; role: "main" | "setup" | "slice" } | null {
  const slice = SLICE_UNIT.exec(unit)?.[1];
  if (slice !== undefined) return { name: slice.replaceAll("\\x2d", "-"), role: "slice" };
  const service = MAIN_UNIT.exec(unit)?.[1];
  if (service === undefined || service === "supervisor" || service.startsWith("supervisor-")) return null;
  return service.endsWith("-setup")
    ? { name: service.slice(0, -"-setup".length), role: "setup" }
    : { name: service, role: "main" };
}
