/** The environment of both units: what is required first, then the operator's `environment`, which wins. */
import type { InstanceSpec } from "../spec/schema.ts";
import features from "./features.json" with { type: "json" };
import type { Host } from "./host.ts";

/** The switch that `opencode serve` really reads (1.18), and the setting that calls for it. Set to 1 or left out. */
const FEATURES: readonly { feature: string; setting: boolean; variable: string }[] = features;

/** PrivateUsers= shows a project owned by somebody else as nobody's, which git refuses; git-config(1), GIT_CONFIG_COUNT. */
const trustProject = (directory: string) => ({
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: directory,
});

/** `NAME=value`, sorted by name. */
export function environment(spec: InstanceSpec, host: Host): string[] {
  const settings = new Map(Object.entries(spec.features));
  const switches = FEATURES.filter(({ feature, setting }) => settings.get(feature) === setting);
  const variables = {
    HOME: spec.stateDir,
    PATH: [...spec.path, ...host.path].join(":"),
    ...trustProject(spec.directory),
    ...Object.fromEntries(switches.map(({ variable }) => [variable, "1"])),
    ...spec.environment,
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
