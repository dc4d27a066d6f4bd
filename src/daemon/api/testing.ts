/** The whole API over one snapshot, for the unit tests of this folder. */
import type { FastifyInstance } from "fastify";
import { isolated } from "../../netpolicy/testing.ts";
import { egressReport } from "../egress/answers.ts";
import { addEgressRoutes } from "../egress/routes.ts";
import { EventRing } from "../events/ring.ts";
import { addEventRoutes } from "../events/routes.ts";
import { EventStreams } from "../events/streams.ts";
import type { Action } from "../instance/actions.ts";
import { specOf, up, wantedView } from "../instance/testing.ts";
import type { View } from "../instance/view.ts";
import { logReader } from "../journal/read.ts";
import { timings } from "../metrics/histogram.ts";
import { addMetricsRoute } from "../metrics/routes.ts";
import type { Snapshot } from "../status.ts";
import { buildControl } from "./control.ts";
import { listenAt } from "./front.ts";
import { addInstanceRoutes } from "./instance.ts";
import { buildApi } from "./server.ts";

const wanted = wantedView(specOf("a", { networkIsolation: { enable: true } }));
/** An isolated instance that is up and ready. */
export const readyView: View = {
  ...wanted,
  main: { ...up("opencode-a.service"), since: 1_700_000_000_000_000 },
  health: { kind: "ready", version: "1.2.3", since: 1 },
  installed: wanted.policyHash,
};

export const facts = { version: "0.1.0", startedAt: 1_700_000_000_000, systemdVersion: 257, owned: true, weaker: [] };

/** A snapshot of these views and an otherwise empty file. */
export const snapshotOf = (views: readonly View[]): Snapshot => ({
  views,
  file: {
    ...{ path: "/etc/opencode/instances.json", specs: [], disabled: [], kept: [] },
    ...{ problems: [], loadedAt: 1_700_000_000_000, ok: true },
  },
  orphans: new Map(),
  targetActive: true,
  connected: true,
  egress: { missing: null, repairs: [], observedAt: () => null },
});

const LINE = {
  MESSAGE: "hello",
  PRIORITY: "6",
  _SYSTEMD_UNIT: "opencode-a.service",
  __CURSOR: "s=1",
  __REALTIME_TIMESTAMP: "1",
};

export interface Full {
  readonly snapshot: Snapshot;
  readonly ring: EventRing;
  readonly streams: number;
  readonly journalctl: (args: readonly string[]) => Promise<string>;
}

/** Everything on the status socket; `seen` gets the server before its routes. */
export function fullApi(
  seen: (api: FastifyInstance) => void = () => undefined,
  given: Partial<Full> = {},
): FastifyInstance {
  const { snapshot = snapshotOf([readyView]), ring = new EventRing("r"), streams = 1000 } = given;
  const { journalctl = async () => `${JSON.stringify(LINE)}\n` } = given;
  const api = buildApi({ facts, snapshot: () => snapshot, ready: () => true }, seen);
  const account = { total: 0, further: 0, destinations: [] };
  const report = (name: string) => (name === "a" ? egressReport(isolated("a"), account, null, new Set()) : null);
  addEgressRoutes(api, { missing: null, repairs: [], report, reports: () => [] });
  addEventRoutes(api, ring, new EventStreams(ring, streams));
  addMetricsRoute(api, () => ({ facts, snapshot, reports: [], timings: timings(), streams: 0 }));
  addInstanceRoutes(api, { snapshot: () => snapshot, logs: logReader(journalctl), exposure: async () => 1.1 });
  return api;
}

/** Answers at a Unix socket of its own. */
export async function serveAt(api: FastifyInstance, path: string, mode = 0o660): Promise<void> {
  await api.ready();
  await listenAt(api, { path, gid: 0, mode });
}

/** Everything on the control socket; `asked` hears what is asked. */
export function fullControl(
  seen: (api: FastifyInstance) => void = () => undefined,
  asked: (name: string, action: Action) => boolean = () => true,
): FastifyInstance {
  const snapshot = snapshotOf([readyView]);
  const ask = async (name: string, action: Action) => asked(name, action);
  return buildControl({ snapshot: () => snapshot, ask, tell: { info: () => undefined } }, seen);
}
