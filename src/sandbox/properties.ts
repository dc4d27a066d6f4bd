/** An instance's two transient units: spec and host in, unit properties out. See README.md for what is decided where. */
import { constants } from "node:os";
import { configTarget, credentialFile, setupUnit, sliceUnit, TARGET } from "../spec/names.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { ExecCommandEx, InstanceUnits, UnitProperty } from "../spec/unit.ts";
import { addressFilter } from "./address-filter.ts";
import { baselineProperties } from "./baseline.ts";
import { configReadOnly, fileSystem } from "./binds.ts";
import { serveCommand } from "./command.ts";
import { dropIn } from "./drop-in.ts";
import { environment } from "./environment.ts";
import { hashOf } from "./hash.ts";
import type { Host } from "./host.ts";
import { limitProperties } from "./limits.ts";
import { losesUnixSockets, relaxations } from "./relaxations.ts";

export type { Host } from "./host.ts";

const SECOND = 1_000_000n;
/**
 * How a server that systemd was asked to stop ends: as opencode-init makes it of a SIGTERM; or by SIGKILL, which systemd 257 was
 * seen to send at once to one that was just starting processes. (The likely cause: with `PrivatePIDs=` the main process is not
 * its child, and it may see nobody to wait for.) It stays stopped, and has not failed. Ended so unasked, it is started again.
 */
const STOPPED: readonly [readonly number[], readonly number[]] = [[143], [constants.signals.SIGKILL]];
/** opencode needs 35–100 ms to stop; what it runs may need more. */
const STOP_TIMEOUT = 10n * SECOND;
const HOOK_STOP_TIMEOUT = 5n * SECOND;

/** A command under opencode-init, its arguments taken as they are. */
function underInit(host: Host, command: readonly string[]): ExecCommandEx {
  const { init } = host.programs;
  const scopes = host.landlockScopes ? ["--landlock-scopes"] : [];
  return [init, [init, ...scopes, "--", ...command], ["no-env-expand"]];
}

/** What `src/setup` is told, as its one argument. Nothing secret: every local user can read it. */
const setupInput = (spec: InstanceSpec): string =>
  JSON.stringify({
    home: spec.stateDir,
    directory: spec.directory,
    config: configTarget(spec),
    files: Object.fromEntries(Object.entries(spec.configDirFiles).sort(([a], [b]) => (a < b ? -1 : 1))),
  });

/**
 * The hooks around the core, each under an init of its own, which ends what it leaves running. One command and not three: of
 * several, systemd says of the last one only whether it was ever executed (`isPassedOver` in src/daemon/instance).
 */
const WITH_HOOKS = '"$0" -- "$1" -e -c "$2" && "$0" -- "$4" "$5" "$6" && "$0" -- "$1" -e -c "$3"';

function setupCommand(spec: InstanceSpec, host: Host): ExecCommandEx {
  const { init, node, setup, shell } = host.programs;
  const { preInitScript, postInitScript } = spec;
  const core = [node, setup, setupInput(spec)];
  if (!preInitScript && !postInitScript) return underInit(host, core);
  const hooks = [preInitScript ?? "", postInitScript ?? ""];
  return underInit(host, [shell, "-e", "-c", WITH_HOOKS, init, shell, ...hooks, ...core]);
}

/**
 * On NixOS the commands are in the units' drop-ins, beside the rest of what is declared there: without its drop-in (systemd
 * has not been reloaded yet) a unit has no command and does not start.
 */
const execStart = ({ dropIn }: InstanceSpec, command: ExecCommandEx): UnitProperty[] =>
  dropIn === null ? [["ExecStartEx", [command]]] : [];

/** What both units share, but for the network policy. */
function shared(spec: InstanceSpec, host: Host): UnitProperty[] {
  const replaced = losesUnixSockets(spec, host) ? { RestrictAddressFamilies: "AF_INET AF_INET6" } : {};
  return [
    ["Slice", sliceUnit(spec.name)],
    ["PartOf", [TARGET]],
    ["User", spec.user],
    ["Group", spec.group],
    ["SupplementaryGroups", spec.extraGroups],
    ["Environment", environment(spec, host)],
    ...fileSystem(spec, host),
    ...baselineProperties(host.systemdVersion, replaced),
    ...limitProperties(spec.limits),
  ];
}

/** Files of `NAME=value` lines that systemd reads as root at start; later ones win, and all win over `Environment=`. */
const environmentFiles = (...files: (string | null)[]): UnitProperty => [
  "EnvironmentFiles",
  files.filter((file) => file !== null).map((file) => [file, false] as const),
];

/** systemd.exec(5), "Process exit codes": the unit's view of files could not be made. */
const EXIT_NAMESPACE = 226;
/**
 * A file that is bound fails the start when it is replaced (renamed over) at that moment; the next try finds the new one. Five
 * tries within half a minute and it stays failed. The server's start waits meanwhile (`direct`).
 */
const SETUP_AGAIN: readonly UnitProperty[] = [
  ["RestartMode", "direct"],
  ["RestartUSec", SECOND / 4n],
  ["StartLimitIntervalUSec", 30n * SECOND],
  ["StartLimitBurst", 5],
];
const oneTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
/** What it is to be tried again for; before systemd 256, which refuses that of a oneshot service, whatever else is taken out. */
const FORCE_SINCE = 256;
const FOR_NAMESPACE: readonly UnitProperty[] = [["RestartForceExitStatus", [[EXIT_NAMESPACE], []]]];
const [MAX_STATUS, MAX_SIGNAL] = [255, 31];
const FOR_NOTHING_ELSE: readonly UnitProperty[] = [
  ["Restart", "on-failure"],
  ["RestartPreventExitStatus", [oneTo(MAX_STATUS).filter((status) => status !== EXIT_NAMESPACE), oneTo(MAX_SIGNAL)]],
];

const setupProperties = (spec: InstanceSpec, host: Host, both: readonly UnitProperty[]): UnitProperty[] => [
  ["Description", `opencode instance ${spec.name}: setup`],
  ["Type", "oneshot"],
  ["RemainAfterExit", true],
  ...execStart(spec, setupCommand(spec, host)),
  ["WorkingDirectory", spec.stateDir],
  environmentFiles(spec.environmentFile),
  ["SyslogIdentifier", `opencode-${spec.name}-setup`],
  ["TimeoutStartUSec", BigInt(spec.limits.hookTimeout) * SECOND],
  ["TimeoutStopUSec", HOOK_STOP_TIMEOUT],
  ...(host.systemdVersion < FORCE_SINCE ? FOR_NOTHING_ELSE : FOR_NAMESPACE),
  ...SETUP_AGAIN,
  ...both,
];

/**
 * Whatever it ended by, it comes back, unless systemd was asked to stop it: after 1 s, later after more, up to a minute; ten
 * within ten minutes and it stays failed. By SIGTERM too, as agents do `pkill opencode`; and when systemd, executed anew just
 * as it started, lost sight of it and takes it for ended well.
 */
const RESTART: readonly UnitProperty[] = [
  ["Restart", "always"],
  ["RestartUSec", 1n * SECOND],
  ["RestartSteps", 6],
  ["RestartMaxDelayUSec", 60n * SECOND],
  ["StartLimitIntervalUSec", 600n * SECOND],
  ["StartLimitBurst", 10],
  ["SuccessExitStatus", STOPPED],
];

const mainProperties = (spec: InstanceSpec, host: Host, both: readonly UnitProperty[]): UnitProperty[] => [
  ["Description", `opencode instance ${spec.name}`],
  ["Type", "exec"],
  ...execStart(spec, underInit(host, serveCommand(spec))),
  ["Requires", [setupUnit(spec.name)]],
  ["After", [setupUnit(spec.name)]],
  ["WorkingDirectory", spec.directory],
  environmentFiles(credentialFile(spec.name), spec.environmentFile),
  ["SyslogIdentifier", `opencode-${spec.name}`],
  ["TimeoutStopUSec", STOP_TIMEOUT],
  // A build that takes too much memory ends; the server that started it stays.
  ["OOMPolicy", "continue"],
  ...RESTART,
  ...both,
  ...configReadOnly(spec),
];

/** The network policy at start, and what tells this version of the units apart. */
function completed(properties: UnitProperty[], spec: InstanceSpec, specHash: string): UnitProperty[] {
  const { allow, deny } = addressFilter(spec);
  return [
    ...properties,
    ["IPAddressAllow", allow],
    ["IPAddressDeny", deny],
    ["LogExtraFields", [`OPENCODE_INSTANCE=${spec.name}`, `OPENCODE_SPEC_HASH=${specHash}`]],
  ];
}

/**
 * The units of an instance on this host. Deterministic; the same spec and host give the same hash.
 * @throws ProblemError when `sandbox.serviceConfig` holds a value that is more than one directive
 */
export function instanceUnits(spec: InstanceSpec, host: Host): InstanceUnits {
  const both = shared(spec, host);
  const [setup, main] = [setupProperties(spec, host, both), mainProperties(spec, host, both)];
  // What reaches the units by files whose names do not change with what is in them.
  const content = {
    dropIn: dropIn(spec),
    ...(spec.dropIn === null ? {} : { installed: spec.dropIn.hash }),
    passwordFile: spec.passwordFile,
    config: spec.configFile === null ? spec.config : null,
  };
  const specHash = hashOf({ setup, main, content });
  return {
    // Made anew when asked for: few of hundreds are being started at any time, and each pair takes 30 KB.
    get setup() {
      return completed(setupProperties(spec, host, shared(spec, host)), spec, specHash);
    },
    get main() {
      return completed(mainProperties(spec, host, shared(spec, host)), spec, specHash);
    },
    specHash,
    relaxations: relaxations(spec, host),
  };
}
