/** Views and ports for the unit tests of this folder: everything in memory, every call written down. */

import type { Policy } from "../../netpolicy/policy.ts";
import { policyHash, policyOf } from "../../netpolicy/policy.ts";
import { parseInstanceFile } from "../../spec/parse.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import type { InstanceUnits } from "../../spec/unit.ts";
import { FakeSystemd } from "../systemd/fake.ts";
import type { UnitRecord } from "../systemd/port.ts";
import { blankRecord } from "../systemd/record.ts";
import { blankView } from "./controller.ts";
import type { Ports } from "./steps.ts";
import type { View } from "./view.ts";

/** A valid spec of this name; `fields` as the instance file has them. */
export function specOf(name: string, fields: Readonly<Record<string, unknown>> = {}): InstanceSpec {
  const instance = { directory: `/srv/${name}`, listen: { port: 8000 }, ...fields };
  const parsed = parseInstanceFile(Buffer.from(JSON.stringify({ version: 1, instances: { [name]: instance } })));
  const spec = parsed.ok ? parsed.specs[0] : undefined;
  if (spec === undefined) throw new Error(JSON.stringify(parsed.problems));
  return spec;
}

export const unitsOf = (specHash: string): InstanceUnits => {
  const properties = [["LogExtraFields", [`OPENCODE_SPEC_HASH=${specHash}`]]] as const;
  return { setup: properties, main: properties, specHash, relaxations: [] };
};

/** A view in which the instance is wanted and nothing of it is there yet. */
export function wantedView(spec: InstanceSpec, specHash = "h1"): View {
  const policy = policyOf(spec);
  return {
    ...blankView(spec.name),
    held: false,
    wanted: { spec, units: unitsOf(specHash) },
    policy,
    policyHash: policyHash(policy),
  };
}

export const up = (unit: string, specHash = "h1"): UnitRecord => ({
  ...blankRecord(unit),
  ...{ active: "active", sub: "running", mainPid: 7, since: 1, specHash },
});

export interface FakePorts extends Ports {
  readonly systemd: FakeSystemd;
  readonly calls: string[];
  /** Instances whose policy the kernel refuses, with the message. */
  readonly refuse: Map<string, string>;
}

/** Ports over {@link FakeSystemd}; all calls, systemd's included, end up in `calls` in order. */
export function fakePorts(): FakePorts {
  const systemd = new FakeSystemd();
  const { calls } = systemd;
  const refuse = new Map<string, string>();
  const note = async (call: string): Promise<void> => void calls.push(call);
  return {
    systemd,
    calls,
    refuse,
    egress: {
      put: async ({ name }: Policy) => {
        calls.push(`put ${name}`);
        const refused = refuse.get(name);
        if (refused !== undefined) throw new Error(refused);
        return true;
      },
      remove: (name) => note(`remove ${name}`),
    },
    host: {
      admit: async () => undefined,
      prepare: ({ spec }) => note(`prepare ${spec.name}`),
      clean: (name) => note(`clean ${name}`),
      taken: async () => null,
      mark: (name) => note(`mark ${name}`),
      unmark: (name) => note(`unmark ${name}`),
    },
    filterOf: () => ({ allow: [], deny: [] }),
    limit: (_, work) => work(),
  };
}
