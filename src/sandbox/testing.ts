/** For tests: a host that has everything, and specs in short. */
import { parseInstances } from "../spec/fixtures.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { UnitProperty } from "../spec/unit.ts";
import { type Host, runtimeOf } from "./host.ts";

/** What a host with merged /usr has. */
export const MERGED = runtimeOf("fhs", (path) => `usr${path}`);

export const HOST: Host = {
  systemdVersion: 257,
  landlockScopes: true,
  programs: { init: "/usr/lib/x/init", node: "/usr/lib/x/node", setup: "/usr/lib/x/setup/main.js", shell: "/bin/sh" },
  ...MERGED,
};

/** Instance `a`, from what its file would say. */
export function instance(extra: object = {}): InstanceSpec {
  const parsed = parseInstances({ a: { directory: "/srv/a", listen: { port: 8787 }, ...extra } });
  const spec = parsed.ok ? parsed.specs[0] : undefined;
  if (spec === undefined) throw new Error(JSON.stringify(parsed.problems));
  return spec;
}

/** Every value of a property. */
export const valuesOf = (properties: readonly UnitProperty[], wanted: UnitProperty[0]): UnitProperty[1][] =>
  properties.filter(([name]) => name === wanted).map(([, value]) => value);
