/**
 * What `/metrics` says, from the Status model at that moment: no series is kept. Cardinality is bounded by the instances of
 * the file: no label holds anything that an agent chooses.
 */

import { readdirSync } from "node:fs";
import type { InstanceStatus } from "../api/model.ts";
import type { EgressReport } from "../egress/model.ts";
import { STATES } from "../instance/state.ts";
import { type HostFacts, instanceStatuses, type Snapshot, status } from "../status.ts";
import { family, histogram, type Sample } from "./exposition.ts";
import type { Timings } from "./histogram.ts";

export interface Source {
  readonly facts: HostFacts;
  readonly snapshot: Snapshot;
  readonly reports: readonly Pick<EgressReport, "name" | "total">[];
  readonly timings: Timings;
  /** Followers of the events. */
  readonly streams: number;
  readonly process: { readonly rssBytes: number; readonly cpuSeconds: number; readonly openFiles: number };
}

/** A source with what several metrics need of it. */
interface Seen extends Source {
  readonly instances: readonly InstanceStatus[];
}

export interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  readonly text: (metric: Metric, seen: Seen) => string;
}

const is = (condition: boolean): number => (condition ? 1 : 0);
const labelled = (instances: readonly InstanceStatus[], value: (instance: InstanceStatus) => number | null): Sample[] =>
  instances.flatMap((instance) => {
    const found = value(instance);
    return found === null ? [] : [[found, { instance: instance.name }] as const];
  });

type Samples = (seen: Seen) => readonly Sample[];
const plainOf =
  (samples: Samples): Metric["text"] =>
  ({ name, type, help }, seen) =>
    type === "histogram" ? "" : family(name, type, help, samples(seen));
const gauge = (name: string, help: string, samples: Samples): Metric => ({
  name,
  type: "gauge",
  help,
  text: plainOf(samples),
});
const counter = (name: string, help: string, samples: Samples): Metric => ({
  name,
  type: "counter",
  help,
  text: plainOf(samples),
});
const one =
  (value: (seen: Seen) => number): Samples =>
  (seen) => [[value(seen)]];
const each =
  (value: (instance: InstanceStatus) => number | null): Samples =>
  ({ instances }) =>
    labelled(instances, value);
const timed = (name: string, help: string, which: keyof Timings): Metric => ({
  ...{ name, type: "histogram", help },
  text: (metric, { timings }) => histogram(metric.name, metric.help, timings[which]),
});

const seconds = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso) / 1000);

/** Seconds from the start of the server that runs to its first good answer; of one that ran before us we do not know it. */
function readyAfter({ snapshot, facts }: Seen): Sample[] {
  return snapshot.views.flatMap(({ name, health, main }) =>
    "since" in health && main !== null && main.since / 1000 >= facts.startedAt
      ? [[Math.max(0, health.since / 1000 - main.since / 1e6), { instance: name }] as const]
      : [],
  );
}

export const METRICS: readonly Metric[] = [
  gauge("opencode_supervisor_build_info", "Versions; always 1.", ({ facts }) => [
    [1, { version: facts.version, node: process.versions.node, systemd: String(facts.systemdVersion) }],
  ]),
  gauge(
    "opencode_supervisor_ok",
    "1 while nothing needs a person.",
    one((seen) => is(status(seen.snapshot, seen.facts).state === "ok")),
  ),
  gauge(
    "opencode_supervisor_problems",
    "Mistakes in the file, and what instances are blocked by.",
    one((seen) => status(seen.snapshot, seen.facts).problems.length),
  ),
  gauge(
    "opencode_supervisor_bus_connected",
    "1 while systemd can be reached.",
    one(({ snapshot }) => is(snapshot.connected)),
  ),
  gauge(
    "opencode_instance_file_ok",
    "1 while the instance file as it is was taken in.",
    one(({ snapshot }) => is(snapshot.file.ok)),
  ),
  gauge(
    "opencode_event_followers",
    "Clients that follow the events.",
    one(({ streams }) => streams),
  ),
  // A state in which nobody is has a series too, so that an alert on it can be written.
  gauge("opencode_instances", "Instances, by state.", ({ instances }) =>
    STATES.map((state) => [instances.filter((instance) => instance.state === state).length, { state }]),
  ),
  gauge(
    "opencode_instance_ready",
    "1 while the server answers well.",
    each(({ state }) => is(state === "ready")),
  ),
  gauge(
    "opencode_instance_needs_person",
    "1 while it is failed, blocked or invalid.",
    each(({ state }) => is(["failed", "blocked", "invalid"].includes(state))),
  ),
  gauge("opencode_instance_ready_after_seconds", "From the start of its server to the first good answer.", readyAfter),
  timed("opencode_readiness_seconds", "The same, of every server that was started since the supervisor was.", "ready"),
  counter(
    "opencode_instance_restarts_total",
    "Restarts by systemd since its unit was made.",
    each(({ restarts }) => restarts),
  ),
  gauge(
    "opencode_instance_policy_wanted",
    "1 where networkIsolation is enabled.",
    each(({ policy }) => is(policy.wanted !== "none")),
  ),
  gauge(
    "opencode_instance_policy_in_force",
    "1 while its network policy was read back from the kernel as wanted.",
    each(({ policy }) => is(policy.inForce)),
  ),
  gauge(
    "opencode_instance_policy_observed_timestamp_seconds",
    "When a packet from inside last came through the policy.",
    each(({ policyObserved }) => seconds(policyObserved)),
  ),
  counter(
    "opencode_instance_refused_packets_total",
    "Packets refused since the instance was made; in audit mode recorded only.",
    ({ reports }) => reports.map(({ name, total }) => [total, { instance: name }]),
  ),
  gauge(
    "opencode_egress_table",
    "1 while the table of policies is in the kernel, or none is needed.",
    one(({ snapshot }) => is(snapshot.egress.missing === null || snapshot.views.length === 0)),
  ),
  counter(
    "opencode_egress_repairs_total",
    "How often policies were put back.",
    one(({ snapshot }) => snapshot.egress.repairs.at(-1)?.nth ?? 0),
  ),
  timed("opencode_reconcile_seconds", "Taking the instance file in, until every policy is settled.", "reconcile"),
  counter(
    "opencode_reconcile_errors_total",
    "Of these, failed.",
    one(({ timings }) => timings.reconcile.errors),
  ),
  timed("opencode_probe_seconds", "Asking a server whether it is ready.", "probe"),
  counter(
    "opencode_probe_failures_total",
    "Of these, answered with no; usual while servers start.",
    one(({ timings }) => timings.probe.errors),
  ),
  timed("opencode_liveness_seconds", "Looking whether a server that was ready still answers well.", "look"),
  counter(
    "opencode_liveness_failures_total",
    "Of these, not answered, or answered with something wrong.",
    one(({ timings }) => timings.look.errors),
  ),
  gauge(
    "process_start_time_seconds",
    "When the supervisor was started, since 1970.",
    one(({ facts }) => facts.startedAt / 1000),
  ),
  gauge(
    "process_resident_memory_bytes",
    "Of the supervisor.",
    one(({ process }) => process.rssBytes),
  ),
  gauge(
    "process_open_fds",
    "Of the supervisor.",
    one(({ process }) => process.openFiles),
  ),
  counter(
    "process_cpu_seconds_total",
    "Of the supervisor.",
    one(({ process }) => process.cpuSeconds),
  ),
];

/** All of it in Prometheus' text format. Pure. */
export function metricsText(source: Source): string {
  const seen: Seen = { ...source, instances: instanceStatuses(source.snapshot) };
  return METRICS.map((metric) => metric.text(metric, seen)).join("");
}

/** What the process uses now. */
export function processUsage(): Source["process"] {
  const { user, system } = process.cpuUsage();
  const openFiles = readdirSync("/proc/self/fd").length - 1; // one is that of the listing
  return { rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, openFiles };
}
