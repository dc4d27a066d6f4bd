/** The environment of both units: what is required first, then the operator's `environment`, which wins. */
import type { InstanceSpec } from "../spec/schema.ts";
import type { Host } from "./host.ts";

type Feature = keyof InstanceSpec["features"];

/** The switch that `opencode serve` really reads (1.18), and the setting that calls for it. Set to 1 or left out. */
const FEATURES: readonly (readonly [feature: Feature, setting: boolean, variable: string])[] = [
  ["autoupdate", false, "OPENCODE_DISABLE_AUTOUPDATE"],
  ["modelsFetch", false, "OPENCODE_DISABLE_MODELS_FETCH"],
  ["lspDownload", false, "OPENCODE_DISABLE_LSP_DOWNLOAD"],
  ["share", false, "OPENCODE_DISABLE_SHARE"],
  ["defaultPlugins", false, "OPENCODE_DISABLE_DEFAULT_PLUGINS"],
  ["claudeCode", false, "OPENCODE_DISABLE_CLAUDE_CODE"],
  ["projectConfig", false, "OPENCODE_DISABLE_PROJECT_CONFIG"],
  ["autocompact", false, "OPENCODE_DISABLE_AUTOCOMPACT"],
  ["prune", false, "OPENCODE_DISABLE_PRUNE"],
  ["fileWatcher", false, "OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER"],
  ["exa", true, "OPENCODE_ENABLE_EXA"],
  ["experimental", true, "OPENCODE_EXPERIMENTAL"],
];

/** PrivateUsers= shows a project owned by somebody else as nobody's, which git refuses; git-config(1), GIT_CONFIG_COUNT. */
const trustProject = (directory: string) => ({
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: directory,
});

/** `NAME=value`, sorted by name. */
export function environment(spec: InstanceSpec, host: Host): string[] {
  const switches = FEATURES.filter(([feature, setting]) => spec.features[feature] === setting);
  const variables = {
    HOME: spec.stateDir,
    PATH: [...spec.path, ...host.path].join(":"),
    ...trustProject(spec.directory),
    ...Object.fromEntries(switches.map(([, , variable]) => [variable, "1"])),
    ...spec.environment,
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
