/** The real ports, put together; the daemon and `teardown` both stand on this. */

import { addressFilter } from "../sandbox/address-filter.ts";
import { dropIn } from "../sandbox/drop-in.ts";
import { instanceUnits } from "../sandbox/properties.ts";
import { mainUnit, RUNTIME_DIR } from "../spec/names.ts";
import { ProblemError } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { VERSION } from "../version.ts";
import { Egress, type EgressEvents } from "./egress/egress.ts";
import { followers } from "./follow/followers.ts";
import type { Pulse } from "./health/judge.ts";
import { taken } from "./health/listener.ts";
import { lastWords } from "./health/output.ts";
import type { Target } from "./health/probe.ts";
import { TICK_MS, ticks } from "./health/ticks.ts";
import { Accounts } from "./host/accounts.ts";
import { passwordInUse } from "./host/credentials.ts";
import { probeHost, unfit, weaknesses } from "./host/features.ts";
import { HostFiles } from "./host/host-files.ts";
import { listMarkers, readLeftovers, removeMarker, writeMarker } from "./host/markers.ts";
import { Preparer } from "./host/prepare.ts";
import { readResolvers } from "./host/resolvers.ts";
import { admit, readStates } from "./host/states.ts";
import { oomKills } from "./host/usage.ts";
import type { View } from "./instance/view.ts";
import { readInstanceFile } from "./instance-file.ts";
import { limiter } from "./limiter.ts";
import { Loader } from "./loader.ts";
import { type Histogram, type Timings, timings } from "./metrics/histogram.ts";
import { LibnftablesNetfilter } from "./netfilter/libnftables.ts";
import type { HostFacts } from "./status.ts";
import { Supervisor, type SupervisorPorts } from "./supervisor.ts";
import { DBusSystemd } from "./systemd/dbus.ts";

/** Which of nftables' transactions was our last one. */
const GENERATION_FILE = `${RUNTIME_DIR}/generation`;
/** Instances at once, and how long one may keep others waiting; few, so that the first are soon systemd's to start. */
const LIMITS = { ours: { slots: 12, giveUpMs: 2000 }, jobs: { slots: 64, giveUpMs: 2000 } };
/** The same for probes: of a server that does not answer the others do not wait. */
const PROBE_LIMIT = { slots: 64, giveUpMs: 100 };

export interface Assembly {
  readonly supervisor: Supervisor;
  readonly egress: Egress;
  readonly accounts: Accounts;
  readonly facts: HostFacts;
  close(): Promise<void>;
}

export async function assemble(
  file: string,
  events: SupervisorPorts["events"] & EgressEvents,
  startedAt: number,
  { probe: probes, look: looks, ready: started }: Timings = timings(),
): Promise<Assembly> {
  const [probed, systemd, netfilter] = await Promise.all([
    probeHost(),
    DBusSystemd.connect(),
    LibnftablesNetfilter.open(undefined, GENERATION_FILE),
  ]);
  const host = { systemdVersion: systemd.version, ...probed };
  const accounts = new Accounts(systemd);
  const hostFiles = new HostFiles(host, (error) => events.trouble("the host's files", error));
  const preparer = new Preparer(accounts, host, hostFiles);
  const probing = limiter(PROBE_LIMIT);
  const lines = { ours: limiter(LIMITS.ours), jobs: limiter(LIMITS.jobs) };
  const egress = new Egress(netfilter, systemd, events);
  const supervisor = new Supervisor({
    systemd,
    egress,
    loader: new Loader(file, readerOn(systemd.version), readResolvers),
    leftovers: readLeftovers,
    marked: listMarkers,
    states: readStates,
    host: {
      admit: ({ spec }) => admit(spec, accounts),
      prepare: ({ spec }) => preparer.prepare(spec, { main: dropIn(spec, "main"), setup: dropIn(spec, "setup") }),
      clean: async (name) => preparer.clean(name),
      taken: ({ listen }) => taken(listen.address, listen.port),
      mark: async (name, specHash) => writeMarker(name, specHash),
      unmark: async (name) => removeMarker(name),
    },
    render: (spec) => instanceUnits(spec, host),
    filterOf: addressFilter,
    limit: (line, work) => lines[line](work),
    health: {
      probe: (view) =>
        probing(() =>
          probes.time(
            () => probeView(systemd, view),
            ({ ready }) => ready,
          ),
        ),
      pulse: (view) => pulseView(systemd, view, looks),
      started: (seconds) => started.observe(seconds),
      pause: ticks(TICK_MS),
    },
    output: { lastWords, oomKills },
    followers: (report) => followers({ systemd, hostFiles }, events, report),
    events,
  });
  const facts = {
    version: VERSION,
    startedAt,
    systemdVersion: systemd.version,
    owned: netfilter.features.persist,
    weaker: weaknesses(host, netfilter.features),
  };
  const close = async () => {
    supervisor.close();
    egress.close();
    netfilter.close();
    await systemd.close();
  };
  return { supervisor, egress, accounts, facts, close };
}

/** Where nothing can be started, that is what is wrong, and the file is not looked at. */
function readerOn(systemdVersion: number): typeof readInstanceFile {
  const problem = unfit(systemdVersion);
  if (problem === null) return readInstanceFile;
  return async () => {
    throw new ProblemError(problem);
  };
}

/** Loaded when the first server is up; to ask for the module each time takes longer than to look whether it listens. */
let prober: Promise<typeof import("./health/probe.ts")> | null = null;

async function probeView(systemd: DBusSystemd, { wanted }: View) {
  if (wanted === null) return { ready: false, why: "it is being removed" } as const;
  prober ??= import("./health/probe.ts");
  return (await prober).probe(targetOf(systemd, wanted.spec));
}

function pulseView(systemd: DBusSystemd, { wanted }: View, looks: Histogram): (patienceMs: number) => Promise<Pulse> {
  if (wanted === null) return async () => ({ kind: "unknown" });
  const loaded = import("./health/pulse.ts").then(({ pulseOf }) => pulseOf(targetOf(systemd, wanted.spec), looks));
  return async (patienceMs) => (await loaded)(patienceMs);
}

const targetOf = (systemd: DBusSystemd, spec: InstanceSpec): Target => ({
  address: spec.listen.address,
  port: spec.listen.port,
  secrets: async () => ({
    password: await passwordInUse(spec),
    controlGroup: await systemd.controlGroup(mainUnit(spec.name)),
  }),
});
