/** A whole supervisor over fakes, for tests. */
import { policyHash } from "../netpolicy/policy.ts";
import type { Pulse } from "./health/judge.ts";
import type { ProbeResult } from "./health/probe.ts";
import { stateOf } from "./instance/state.ts";
import { fakePorts, unitsOf, up } from "./instance/testing.ts";
import { Loader } from "./loader.ts";
import { Supervisor, type SupervisorPorts } from "./supervisor.ts";

export const instance = (name: string, more = {}) => ({
  directory: `/srv/${name}`,
  listen: { port: 8000 + name.charCodeAt(0) },
  ...more,
});
export const file = (...names: string[]) =>
  JSON.stringify({ version: 1, instances: Object.fromEntries(names.map((name) => [name, instance(name)])) });

/** A supervisor over fakes, with a file and a kernel table that the test can look at and change. */
export function supervised(content: string, { target = "active" } = {}) {
  const ports = fakePorts();
  const disk = { content, states: new Map<string, string>() };
  const markers = new Map<string, string>();
  const table = new Map<string, string>();
  let open = false;
  const answer: { result: ProbeResult; pulse: Pulse } = {
    result: { ready: true, version: "1.2.3" },
    pulse: { kind: "alive" },
  };
  const trouble: string[] = [];
  /** The states that were told of, one after the other. */
  const told: string[] = [];
  const host = {
    ...ports.host,
    mark: async (name: string, hash: string) => void markers.set(name, hash),
    unmark: async (name: string) => void markers.delete(name),
  };
  const egress = {
    ...ports.egress,
    repairs: [],
    observedAt: () => null,
    missing: null,
    onOpen: () => undefined,
    open: async () => {
      open = true;
      return table;
    },
    verify: async () => new Map([...table.keys()].map((name) => [name, true])),
    put: async (policy: Parameters<typeof ports.egress.put>[0]) => {
      await ports.egress.put(policy);
      table.set(policy.name, policyHash(policy));
      return true;
    },
    remove: async (name: string) => {
      table.delete(name);
      await ports.egress.remove(name);
    },
    destroy: async () => {
      open = false;
      ports.calls.push("destroy");
    },
  };
  const make = (more: Partial<SupervisorPorts> = {}) =>
    new Supervisor({
      ...ports,
      ...{ host, egress },
      loader: new Loader("/etc/opencode/instances.json", async () => Buffer.from(disk.content)),
      states: async (known) => new Map([...disk.states].filter(([name]) => !known.has(name))),
      marked: async () => [...markers.keys()],
      leftovers: async () => ({ markers: new Map(markers), roots: new Set<string>() }),
      render: (spec) => unitsOf(JSON.stringify({ ...spec, networkIsolation: null })),
      health: {
        probe: async () => answer.result,
        pulse: () => async () => answer.pulse,
        started: () => undefined,
        pause: () => new Promise((resolve) => setTimeout(resolve, 5).unref()),
      },
      output: { lastWords: async () => ["last words"], oomKills: () => 1 },
      followers: () => [],
      events: {
        changed: (view) => {
          const { state } = stateOf(view);
          if (state !== told.at(-1)) told.push(state);
        },
        gone: () => undefined,
        blocked: () => undefined,
        adopted: () => undefined,
        socket: () => undefined,
        rotated: () => undefined,
        trouble: (what, error) => void trouble.push(`${what}: ${error}`),
      },
      ...more,
    });
  ports.systemd.units.set("opencode.target", { ...up("opencode.target"), active: target });
  const states = (supervisor: Supervisor) =>
    Object.fromEntries(supervisor.views.map((view) => [view.name, stateOf(view).state]));
  const all = (supervisor: Supervisor, state: string) => () => {
    const found = Object.values(states(supervisor));
    return found.length > 0 && found.every((one) => one === state);
  };
  return { ...ports, host, disk, markers, table, answer, trouble, told, make, states, all, isOpen: () => open };
}
