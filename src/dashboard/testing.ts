/** A supervisor to look at: the API's own shapes on a Unix socket, with what a test puts there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import type { InstanceStatus, LogPage, Status } from "../daemon/api/model.ts";
import type { EgressReport, RefusedDestination } from "../daemon/egress/model.ts";
import { EventRing } from "../daemon/events/ring.ts";
import { addEventRoutes } from "../daemon/events/routes.ts";
import { readAssets } from "./assets.ts";
import type { Usage } from "./model.ts";
import { buildDashboard } from "./server.ts";
import { Supervisor } from "./supervisor.ts";

const START = "2026-01-02T03:04:05.000Z";

export const statusOf = (more: Partial<Status> = {}): Status => ({
  ...{ state: "ok", version: "0.1.0", pid: 1, since: START, target: "active", weaker: [], instances: {}, orphans: [] },
  file: { path: "/etc/opencode/instances.json", ok: true, loadedAt: START },
  egress: { table: true, owned: true, why: null, repairs: 0, lastRepair: null },
  systemd: { version: 257, connected: true },
  problems: [],
  ...more,
});

export const instanceOf = (name: string, more: Partial<InstanceStatus> = {}): InstanceStatus => ({
  ...{ name, state: "ready", why: null, since: START, pid: 4711, version: "1.18.33", restarts: 0, lastExit: null },
  listen: { address: "127.0.0.1", port: 8001, extraPorts: [] },
  ...{ output: [], relaxations: [], policy: { wanted: "enforce", inForce: true }, policyObserved: START },
  ...{ unit: `opencode-${name}.service`, slice: `opencode-${name}.slice`, user: `opencode-${name}` },
  ...{ directory: `/srv/${name}`, stateDir: `/var/lib/opencode/instance-state/${name}`, specHash: "0".repeat(64) },
  config: `/run/opencode-supervisor/config/${name}/opencode.json`,
  ...more,
});

export const refusedOf = (
  address: string,
  port: number,
  more: Partial<RefusedDestination> = {},
): RefusedDestination => ({
  ...{ address, port, protocol: "tcp", protocolNumber: 6, packets: 3, first: START, last: START, muted: false },
  allow: { option: "outboundAllowCidrs", value: `${address}/32` },
  ...more,
});

export const reportOf = (
  name: string,
  destinations: RefusedDestination[],
  more: Partial<EgressReport> = {},
): EgressReport => ({
  ...{ name, mode: "enforce", observed: START, further: 0, destinations },
  total: destinations.reduce((sum, { packets }) => sum + packets, 0),
  ...more,
});

const MORE = { configHash: null, exposure: 0.9, filesChanged: [] };

/** What the supervisor answers with; a test may change any of it at any time. */
export interface Scene {
  status: Status;
  instances: InstanceStatus[];
  reports: EgressReport[];
  logs: LogPage["lines"];
  usage: (name: string) => Usage;
  readonly ring: EventRing;
}

export const usageOf = (memoryBytes: number | null, cpuSeconds: number | null): Usage => ({
  ...{ memoryBytes, cpuSeconds, tasks: 24, oomKills: 0, tasksRefused: 0 },
});

export const sceneOf = (more: Partial<Scene> = {}): Scene => ({
  ...{ status: statusOf(), instances: [], reports: [], logs: [], ring: new EventRing("run") },
  usage: () => usageOf(null, null),
  ...more,
});

/** The read socket of a supervisor that shows a scene; it may end and come back, as the daemon does. */
export class Shown implements AsyncDisposable {
  readonly socket: string;
  readonly #directory: string;
  readonly #scene: Scene;
  #api: FastifyInstance | null = null;

  private constructor(directory: string, scene: Scene) {
    this.#directory = directory;
    this.socket = join(directory, "status.sock");
    this.#scene = scene;
  }

  static async of(scene: Scene): Promise<Shown> {
    const shown = new Shown(await mkdtemp(join(tmpdir(), "dashboard-")), scene);
    await shown.start();
    return shown;
  }

  async start(): Promise<void> {
    this.#api = apiOf(this.#scene);
    await this.#api.listen({ path: this.socket });
  }

  async stop(): Promise<void> {
    await this.#api?.close();
    this.#api = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true });
  }
}

const BUILT = new URL("../../dist/dashboard/page/", import.meta.url);

/** The dashboard as it is built, on loopback, over a scene. `link` opens it once; the page is then at `page`. */
export async function dashboardOf(scene: Scene) {
  const shown = await Shown.of(scene);
  const source = { supervisor: new Supervisor(shown.socket), usage: async (name: string) => scene.usage(name) };
  const { server, access } = buildDashboard({ ...source, assets: readAssets(BUILT), host: "build-07" });
  const origin = await server.listen({ host: "127.0.0.1", port: 0 });
  const end = async (): Promise<void> => server.close();
  const dispose = async (): Promise<void> => {
    await end();
    await shown[Symbol.asyncDispose]();
  };
  return { shown, origin, link: origin + access.link, page: origin + access.base, end, [Symbol.asyncDispose]: dispose };
}

function apiOf(scene: Scene): FastifyInstance {
  const api = Fastify({ forceCloseConnections: true });
  const named = (name: string) => scene.instances.find((instance) => instance.name === name);
  const unknown = { type: "", code: "no-such-instance", status: 404, title: "", detail: "no such instance" };
  api.get("/healthz", () => ({ ok: true }));
  api.get("/v1/status", () => scene.status);
  api.get("/v1/instances", () => ({ instances: scene.instances }));
  api.get<{ Params: { name: string } }>("/v1/instances/:name", ({ params: { name } }, reply) => {
    const found = named(name);
    return found === undefined ? reply.code(404).send(unknown) : { ...found, ...MORE, usage: scene.usage(name) };
  });
  api.get<{ Querystring: { after?: string } }>(
    "/v1/instances/:name/logs",
    ({ query: { after = "0" } }): LogPage => ({
      lines: scene.logs.slice(Number(after)),
      cursor: String(scene.logs.length),
    }),
  );
  api.get<{ Params: { name: string } }>("/v1/instances/:name/egress", ({ params: { name } }, reply) => {
    return scene.reports.find((report) => report.name === name) ?? reply.code(404).send(unknown);
  });
  api.get("/v1/egress/refused", () => ({ instances: scene.reports }));
  addEventRoutes(api, scene.ring);
  return api;
}

const MIB = 1 << 20;

/** Instances in all sorts of states, with restarts and blocked destinations; `count` of them. */
export function manyInstances(count: number): Scene {
  const ring = new EventRing("run");
  const names = Array.from({ length: count }, (_, index) => `project-${String(index).padStart(3, "0")}`);
  const states = ["ready", "ready", "ready", "ready", "starting", "failed", "stopped"];
  for (const name of names)
    for (const state of ["starting", "ready"]) ring.add("info", { kind: "state", instance: name, state }, state);
  const instances = names.map((name, index) => {
    const state = states[index % states.length] ?? "ready";
    const why =
      state === "failed"
        ? `the server failed: exit status 1; mend it, then \`opencode-supervisor start ${name}\``
        : null;
    return instanceOf(name, { state, why, restarts: index % 4 });
  });
  const reports = names
    .slice(0, 40)
    .map((name, index) => reportOf(name, [refusedOf(`203.0.113.${index}`, 443), refusedOf("192.0.2.53", 53)]));
  const usage: Scene["usage"] = (name) =>
    usageOf((300 + Number(name.slice(-2))) * MIB, (performance.now() / 1000) * 0.02);
  return sceneOf({ ring, instances, reports, usage });
}
