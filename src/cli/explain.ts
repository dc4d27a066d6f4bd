/** `explain NAME`: an instance's settings, units and policy as they follow from the file and this host, and where each is from. */

import ipaddr from "ipaddr.js";
import { policyOf } from "../netpolicy/policy.ts";
import { baselineProperties } from "../sandbox/baseline.ts";
import { dropIn } from "../sandbox/drop-in.ts";
import type { Host } from "../sandbox/host.ts";
import { instanceUnits } from "../sandbox/properties.ts";
import { INSTANCE_FILE, mainUnit, setupUnit } from "../spec/names.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { UnitProperty } from "../spec/unit.ts";
import type { Explanation } from "./answers.ts";
import type { Call } from "./command.ts";
import { EX } from "./exit.ts";
import { fieldsOf, isWritten } from "./fields.ts";
import { readInstances, thisHost } from "./instance-files.ts";
import { orProblem, tellProblems, unknownInstance, writeJson, writeLines } from "./output.ts";
import { listed } from "./table.ts";

export const explain = (name: string, { file = INSTANCE_FILE, json }: Call["options"]): Promise<number> =>
  orProblem(async () => {
    const instances = await readInstances(String(file));
    const spec = instances.specs.get(name);
    if (instances.bad.includes(name)) {
      tellProblems(instances.problems.filter(({ instance }) => instance === name));
      return EX.DATAERR;
    }
    if (spec === undefined) return unknownInstance(name);
    const found = explanation(spec, writtenOf(instances.raw, name), await thisHost());
    if (json === true) writeJson(found);
    else writeLines(text(found));
    return EX.OK;
  });

/** The instance as it is written in the file. */
function writtenOf(raw: unknown, name: string): unknown {
  const of = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? new Map<string, unknown>(Object.entries(value)).get(key) : undefined;
  return of(of(raw, "instances"), name) ?? {};
}

/** What follows from the instance's name or from the host when the file does not say it. */
const DERIVED: Readonly<Record<string, string>> = {
  ...{ name: "name", user: "name", group: "name", stateDir: "name", ownUser: "name" },
  "networkIsolation.dns": "host",
};

const spell = (value: unknown): string => JSON.stringify(value, (_key, inner: unknown) => plainOf(inner)) ?? "";

/** Large numbers in digits; the bytes of an address as people write it. */
const plainOf = (value: unknown): unknown =>
  typeof value === "bigint"
    ? `${value}`
    : value instanceof Uint8Array
      ? ipaddr.fromByteArray([...value]).toString()
      : value;

export function explanation(spec: InstanceSpec, written: unknown, host: Host): Explanation {
  const units = instanceUnits(spec, host);
  const hardening = new Set(baselineProperties(host.systemdVersion, {}).map(([name]) => name));
  const origin = (name: UnitProperty[0]): string => (hardening.has(name) ? "baseline" : "instance");
  const source = (field: string): string => (isWritten(written, field) ? "file" : (DERIVED[field] ?? "default"));
  const unit = (of: string, properties: readonly UnitProperty[], file: string | null) => ({
    unit: of,
    properties: properties.map(([name, value]) => ({ name, value: spell(value), from: origin(name) })),
    dropIn: file === null ? [] : file.split("\n").filter((line) => line !== ""),
  });
  return {
    name: spec.name,
    settings: fieldsOf(spec).map(([field, value]) => ({ field, value: value ?? null, from: source(field) })),
    specHash: units.specHash,
    units: [
      unit(setupUnit(spec.name), units.setup, dropIn(spec, "setup")),
      unit(mainUnit(spec.name), units.main, dropIn(spec, "main")),
    ],
    policy: fieldsOf(policyOf(spec)).map(([field, value]) => {
      const setting = settingOf(field);
      return { field, value: value ?? null, setting, from: source(setting) };
    }),
    relaxations: [...units.relaxations],
  };
}

/** Settings that a part of the policy has another name than. */
const SETTINGS: Readonly<Record<string, string>> = {
  ...{ "listen.ports": "listen.port", "listen.from": "listen.allowFrom", isolation: "networkIsolation.enable" },
  "isolation.mode": "networkIsolation.mode",
  "isolation.allow": "networkIsolation.outboundAllowCidrs",
  "isolation.dns": "networkIsolation.dns",
  loopbackPorts: "networkIsolation.allowLoopbackPorts",
  connectionsMax: "networkIsolation.connectionsMax",
};

/** `isolation.allow.v4` → `networkIsolation.outboundAllowCidrs` */
export function settingOf(field: string): string {
  const whole = field.replace(/\.v[46]$/, "");
  return SETTINGS[whole] ?? (whole.startsWith("logging.") ? `networkIsolation.${whole}` : whole);
}

const HOW: Readonly<Record<string, string>> = {
  ...{ file: "the file", default: "default", name: "its name", host: "this host" },
  ...{ baseline: "docs/sandbox.md", instance: "the settings" },
};

/** Two blanks more than `before` in front of each line, and of what it goes on with. */
const indented = (before: string, lines: readonly string[]): string[] => listed(lines.map((line) => [before, line]));

function text({ settings, units, policy, relaxations }: Explanation): string[] {
  return [
    "Settings",
    ...listed(settings.map(({ field, value, from }) => [`  ${field}`, HOW[from] ?? from, spell(value)])),
    ...units.flatMap(({ unit, properties, dropIn: lines }) => [
      ...["", unit, `  as on the bus; what is in force: systemctl show ${unit}`],
      ...listed(properties.map(({ name, value, from }) => [`  ${name}`, HOW[from] ?? from, value])),
      ...(lines.length === 0 ? [] : ["  drop-in, from sandbox.serviceConfig and the like:", ...indented("  ", lines)]),
    ]),
    ...["", "Network policy"],
    ...listed(
      policy.map(({ field, value, setting, from }) => [`  ${field}`, `${setting}, ${HOW[from] ?? from}`, spell(value)]),
    ),
    ...(relaxations.length === 0 ? [] : ["", "Weaker than the baseline", ...indented("", relaxations)]),
  ];
}
