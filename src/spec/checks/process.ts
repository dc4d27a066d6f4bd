/** What the process is started with: program, arguments, environment, directives. */
import { absolutePathFault } from "../formats.ts";
import { quote } from "../text.ts";
import { type Check, items } from "./check.ts";

const program: Check = function* (subject) {
  const { command, package: pkg } = subject.spec;
  if (command === null) return;
  if (pkg !== null) {
    yield { field: "command", what: 'both "command" and "package" are set', fix: "keep one of them" };
  }
  const [first = ""] = command;
  if (!subject.has("command[0]") || /^[^/]+$/.test(first)) return;
  if (first.startsWith("/")) {
    const fault = absolutePathFault(first);
    if (fault !== null) yield { field: "command[0]", ...fault };
    return;
  }
  yield {
    field: "command[0]",
    what: `${quote(first)} is a relative path`,
    fix: "write an absolute path, or a bare name found on PATH",
  };
};

const OF_TUI = "is not a flag of `serve`, which ends at it";
const BY_US = "is set by the supervisor";
const REMOVE = "remove it";
const NOT_SERVE = { because: OF_TUI, fix: REMOVE };
const MODEL = { because: OF_TUI, fix: 'write it in "config": {"model": "provider/model"}' };
const ENDS = { because: "makes it print a text and end", fix: REMOVE };
const MDNS = { because: "announces the server to the local network", fix: 'remove it; use "listen" to let others in' };

/** Flags that `opencode serve` does not have, or that are not for `extraArgs`, by name without dashes. */
const FLAGS: ReadonlyMap<string, { because: string; fix: string }> = new Map([
  ["model", MODEL],
  ["m", MODEL],
  ["provider", MODEL],
  ["agent", { because: OF_TUI, fix: `write it in "config": {"default_agent": "name"}` }],
  ["prompt", NOT_SERVE],
  ["continue", NOT_SERVE],
  ["session", NOT_SERVE],
  ["fork", NOT_SERVE],
  ["auto", NOT_SERVE],
  ["help", ENDS],
  ["h", ENDS],
  ["version", ENDS],
  ["v", ENDS],
  ["hostname", { because: BY_US, fix: 'write "listen.address"' }],
  ["port", { because: BY_US, fix: 'write "listen.port"' }],
  ["log-level", { because: BY_US, fix: 'write "logLevel"' }],
  ["print-logs", { because: BY_US, fix: REMOVE }],
  ["mdns", MDNS],
  ["mdns-domain", MDNS],
]);

/** `--no-printLogs=x` → `print-logs`: yargs takes a flag in any of these spellings. */
const flagName = (arg: string): string =>
  arg
    .replace(/^(?!--).*|^--/s, "")
    .replace(/=.*$/s, "")
    .replace(/^no-/, "")
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const args: Check = function* (subject) {
  for (const [field, arg] of items(subject, "extraArgs", subject.spec.extraArgs)) {
    const short = /^-([A-Za-z])/.exec(arg)?.[1];
    const flag = short !== undefined ? (FLAGS.get(short) ?? NOT_SERVE) : FLAGS.get(flagName(arg));
    if (flag !== undefined) yield { field, what: `${quote(arg)} ${flag.because}`, fix: flag.fix };
  }
};

const HOME_LAYOUT = "follows from HOME, where setup prepares it";
/** Variables with one owner: us. */
const VARIABLES: ReadonlyMap<string, { because: string; fix: string }> = new Map([
  ["HOME", { because: "is the state directory", fix: 'write "stateDir"' }],
  ["PATH", { because: "is made by the supervisor", fix: 'write "path"' }],
  ["USER", { because: "is set by systemd", fix: 'write "user"' }],
  ["LOGNAME", { because: "is set by systemd", fix: 'write "user"' }],
  ["OPENCODE_CONFIG", { because: "is ignored by opencode when it cannot be read", fix: 'write "configFile"' }],
  ["OPENCODE_CONFIG_CONTENT", { because: "overrides the config unseen", fix: 'write "config"' }],
  ["OPENCODE_CONFIG_DIR", { because: HOME_LAYOUT, fix: 'write "configDirFiles"' }],
  ["OPENCODE_SERVER_PASSWORD", { because: "would be readable by every local user", fix: 'write "passwordFile"' }],
  ["OPENCODE_SERVER_USERNAME", { because: BY_US, fix: 'remove it; use "passwordFile" for the password' }],
  ...["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"].map(
    (name) => [name, { because: HOME_LAYOUT, fix: REMOVE }] as const,
  ),
]);

const environment: Check = function* ({ spec }) {
  for (const variable of Object.keys(spec.environment)) {
    const owned = VARIABLES.get(variable);
    if (owned === undefined) continue;
    yield { field: `environment.${variable}`, what: `${quote(variable)} ${owned.because}`, fix: owned.fix };
  }
};

/** Directives that the supervisor stands on, and the field that says the same; null when nothing may. */
const DIRECTIVES: ReadonlyMap<string, string | null> = new Map<string, string | null>([
  ["Type", null],
  ["ExecStart", "command"],
  ["ExecStartPre", "preInitScript"],
  ["ExecStartPost", "postInitScript"],
  ["ExecCondition", null],
  ["ExecReload", null],
  ["ExecStop", null],
  ["ExecStopPost", null],
  ["RemainAfterExit", null],
  ["NotifyAccess", null],
  ["BusName", null],
  ["PIDFile", null],
  ["Slice", null],
  ["Delegate", null],
  ["User", "user"],
  ["Group", "group"],
  ["SupplementaryGroups", "extraGroups"],
  ["DynamicUser", null],
  ["RootDirectory", null],
  ["RootImage", null],
  ["WorkingDirectory", "directory"],
  ["StateDirectory", "stateDir"],
  ["Environment", "environment"],
  ["EnvironmentFile", "environmentFile"],
  ["LogExtraFields", null],
  ["SyslogIdentifier", null],
  ["IPAddressAllow", "networkIsolation"],
  ["IPAddressDeny", "networkIsolation"],
  ["NFTSet", "networkIsolation"],
]);

const directives: Check = function* ({ spec }) {
  for (const name of Object.keys(spec.sandbox.serviceConfig)) {
    const field = DIRECTIVES.get(name);
    if (field === undefined) continue;
    const fix = field === null ? REMOVE : `write ${quote(field)}`;
    yield { field: `sandbox.serviceConfig.${name}`, what: `${quote(name)} ${BY_US}`, fix };
  }
};

export const processChecks: readonly Check[] = [program, args, environment, directives];
