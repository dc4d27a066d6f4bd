/** The one Status model: everything the API and the CLI answer comes from here, made from the views on demand. Pure. */

import { configTarget, mainUnit, sliceUnit } from "../spec/names.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { InstanceStatus, Status } from "./api/model.ts";
import type { Egress } from "./egress/egress.ts";
import { lastExit, stateOf } from "./instance/state.ts";
import type { View } from "./instance/view.ts";
import type { FileState } from "./loader.ts";

/** What the supervisor knows, at one moment. */
export interface Snapshot {
  readonly views: readonly View[];
  readonly file: FileState;
  /** State of instances that are no longer in the file: where, by name. */
  readonly orphans: ReadonlyMap<string, string>;
  readonly targetActive: boolean;
  readonly connected: boolean;
  readonly egress: Pick<Egress, "missing" | "repairs" | "observedAt">;
}

/** What does not change while the daemon runs. */
export interface HostFacts {
  readonly version: string;
  readonly startedAt: number;
  readonly systemdVersion: number;
  readonly owned: boolean;
  readonly weaker: readonly string[];
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
/** States in which a person is not needed. */
const FINE = new Set(["disabled", "ready", "starting", "setting-up", "stopping", "stopped", "waiting"]);

const specFields = (spec: InstanceSpec | null) => ({
  listen:
    spec === null ? null : { address: spec.listen.address, port: spec.listen.port, extraPorts: spec.listen.extraPorts },
  user: spec?.user ?? null,
  directory: spec?.directory ?? null,
  stateDir: spec?.stateDir ?? null,
  config: spec === null ? null : configTarget(spec),
});

const policyWanted = ({ policy }: View): string => policy?.isolation?.mode ?? "none";

export function instanceStatus(view: View, observedAt: number | null): InstanceStatus {
  const { state, why } = stateOf(view);
  const shown = view.setup?.active === "failed" || view.main === null ? view.setup : view.main;
  return {
    name: view.name,
    state,
    why,
    since: shown === null || shown.since === 0 ? null : iso(shown.since / 1000),
    pid: view.main === null || view.main.mainPid === 0 ? null : view.main.mainPid,
    version: "version" in view.health ? view.health.version : null,
    restarts: view.main?.restarts ?? 0,
    lastExit: lastExit(view),
    output: [...view.output],
    policy: { wanted: policyWanted(view), inForce: view.installed !== null && view.installed === view.policyHash },
    policyObserved: observedAt === null ? null : iso(observedAt),
    relaxations: [...(view.wanted?.units.relaxations ?? [])],
    unit: mainUnit(view.name),
    slice: sliceUnit(view.name),
    specHash: view.main?.specHash ?? null,
    ...specFields(view.wanted?.spec ?? null),
  };
}

function unrun(name: string, state: string, why: string | null, spec: InstanceSpec | null): InstanceStatus {
  return {
    ...{ name, state, why, since: null, pid: null, version: null, restarts: 0, lastExit: null, output: [] },
    policy: { wanted: "none", inForce: false },
    policyObserved: null,
    ...{ relaxations: [], unit: mainUnit(name), slice: sliceUnit(name), specHash: null },
    ...specFields(spec),
  };
}

/** Those that are in the file and do not run: disabled, or with mistakes. */
export function unrunStatuses({ views, file }: Pick<Snapshot, "views" | "file">): InstanceStatus[] {
  const running = new Set(views.map((view) => view.name));
  const invalid = file.kept === "all" ? [] : file.kept.filter((name) => !running.has(name));
  const why = "the instance file has mistakes about it: see `opencode-supervisor validate`";
  return [
    ...file.disabled.filter((spec) => !running.has(spec.name)).map((spec) => unrun(spec.name, "disabled", null, spec)),
    ...invalid.map((name) => unrun(name, "invalid", why, null)),
  ];
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1;

/** Every instance of the file and every one still running, by name. */
export function instanceStatuses(snapshot: Snapshot): InstanceStatus[] {
  const { views, egress } = snapshot;
  const running = views.map((view) => instanceStatus(view, egress.observedAt(view.name)));
  return [...running, ...unrunStatuses(snapshot)].sort(byName);
}

function egressStatus({ missing, repairs }: Snapshot["egress"], { owned }: HostFacts): Status["egress"] {
  const last = repairs.at(-1);
  const lastRepair = last === undefined ? null : iso(last.at);
  return { table: missing === null, owned, why: missing, repairs: last?.nth ?? 0, lastRepair };
}

export function status(snapshot: Snapshot, facts: HostFacts): Status {
  const instances = instanceStatuses(snapshot);
  const counts = Object.entries(Object.groupBy(instances, (instance) => instance.state));
  const blocked = snapshot.views.map((view) => view.blocked).filter((problem) => problem !== null);
  const problems = [...snapshot.file.problems, ...blocked];
  const fine = problems.length === 0 && snapshot.connected && instances.every((instance) => FINE.has(instance.state));
  return {
    state: fine ? "ok" : "degraded",
    version: facts.version,
    pid: process.pid,
    since: iso(facts.startedAt),
    file: {
      path: snapshot.file.path,
      ok: snapshot.file.ok,
      loadedAt: snapshot.file.loadedAt === null ? null : iso(snapshot.file.loadedAt),
    },
    target: snapshot.targetActive ? "active" : "inactive",
    egress: egressStatus(snapshot.egress, facts),
    systemd: { version: facts.systemdVersion, connected: snapshot.connected },
    weaker: [...facts.weaker],
    instances: Object.fromEntries(counts.map(([state, list]) => [state, list?.length ?? 0])),
    orphans: [...snapshot.orphans].map(([name, stateDir]) => ({ name, stateDir })),
    problems: problems.map((problem) => ({ ...problem })),
  };
}
