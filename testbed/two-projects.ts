/**
 * The scene that the demo and the agent test play in: a machine with the supervisor, an offline model on its loopback, two
 * projects (`project-a` isolated, `project-b` not), and a host on a cable with one address that project-a may reach and one
 * that it may not.
 */
import { Type } from "typebox";
import { Value } from "typebox/value";
import { INSTANCE_FILE, RUNTIME_DIR, STATE_DIR } from "../src/spec/names.ts";
import type { TurnOptions } from "./agent-turn.ts";
import { INSTALLED } from "./host.ts";
import type { Machine } from "./machine.ts";
import { connect } from "./network.ts";
import { Peer } from "./peer.ts";

export const MODEL_PORT = 18080;
export const PEER_PORT = 443;
/** Documentation addresses (RFC 5737): the first half of the network is allowed. */
export const ALLOWED_CIDR = "192.0.2.0/25";
export const ALLOWED = "192.0.2.10";
export const BLOCKED = "192.0.2.200";

/** opencode.json of both: the offline model, and nobody to ask for permission. */
const config = {
  model: "offline/scripted",
  enabled_providers: ["offline"],
  provider: {
    offline: {
      npm: "@ai-sdk/openai-compatible",
      options: { baseURL: `http://127.0.0.1:${MODEL_PORT}/v1`, apiKey: "none" },
      models: { scripted: {} },
    },
  },
  permission: { "*": "allow", external_directory: "deny" },
};

export const INSTANCES = {
  "project-a": {
    directory: "/srv/project-a",
    listen: { port: 7001 },
    config,
    networkIsolation: { enable: true, outboundAllowCidrs: [ALLOWED_CIDR], allowLoopbackPorts: [MODEL_PORT] },
  },
  "project-b": { directory: "/srv/project-b", listen: { port: 7002 }, config },
};
export type Project = keyof typeof INSTANCES;

/** Starts the model in the machine, outside of `opencode.slice`; resolves when it listens. */
export async function startModel(machine: Machine): Promise<void> {
  const command = ["node", `${INSTALLED}/testbed/offline-model.ts`, "--port", String(MODEL_PORT)];
  await machine.exec(["systemd-run", "--quiet", "--unit=offline-model", ...command]);
  await machine.waitFor("offline model", async () => {
    const port = await machine.exec(["nc", "-z", "127.0.0.1", String(MODEL_PORT)], { check: false });
    return port.code === 0;
  });
}

/** A host on a cable to the machine, listening on {@link PEER_PORT} at both addresses. */
export async function joinPeer(machine: Machine): Promise<Peer> {
  const peer = await Peer.up();
  await connect(machine, peer, { addresses: [["192.0.2.1/24"], [`${ALLOWED}/24`, `${BLOCKED}/24`]] });
  await peer.listen({ protocol: "tcp", port: PEER_PORT });
  return peer;
}

/** Makes the projects, each owned by the user its instance will have, and writes the instance file. */
export async function writeProjects(machine: Machine): Promise<void> {
  for (const [name, { directory }] of Object.entries(INSTANCES)) {
    const user = `opencode-${name}`;
    await machine.exec(["systemd-sysusers", "--inline", `u ${user} - "opencode ${name}"`]);
    await machine.exec(["install", "-d", "-o", user, "-g", user, directory]);
  }
  await machine.writeFile(INSTANCE_FILE, `${JSON.stringify({ version: 1, instances: INSTANCES }, null, 2)}\n`);
}

/** Talks to an instance's server from within the machine, with the password that the supervisor made for it. */
export function asker(machine: Machine, project: Project): TurnOptions["ask"] {
  const url = `http://127.0.0.1:${INSTANCES[project].listen.port}`;
  return async (method, path, body) => {
    const password = (await machine.readFile(`${STATE_DIR}/passwords/${project}`)).trim();
    const options = ["--silent", "--show-error", "--max-time", "110", "--write-out", "\\n%{http_code}"];
    const content = body === undefined ? [] : ["--header", "content-type: application/json", "--data-binary", "@-"];
    const user = ["--user", `opencode:${password}`];
    const { stdout } = await machine.exec(["curl", ...options, ...user, "-X", method, ...content, `${url}${path}`], {
      input: body ?? "",
      timeoutMs: 120_000,
    });
    const end = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
  };
}

/** A line of a prompt (offline-model.ts) that runs a command with the agent's own shell. */
export const bash = (command: string): string => `bash ${JSON.stringify({ command })}`;
/** A command that says `hello` when it may reach `address`, and why not when it may not. */
export const greet = (address: string): string => `nc -vN -w 3 ${address} ${PEER_PORT} </dev/null`;

const Statuses = Type.Object({
  instances: Type.Array(
    Type.Object({
      name: Type.String(),
      state: Type.String(),
      why: Type.Union([Type.String(), Type.Null()]),
      output: Type.Array(Type.String()),
    }),
  ),
});
const STATUS = ["curl", "-sS", "--unix-socket", `${RUNTIME_DIR}/status.sock`, "http://localhost/v1/instances"];
/** States that nothing but a person changes (or success). */
const SETTLED = new Set(["ready", "failed", "blocked", "invalid", "stopped"]);

/**
 * Waits until both instances are `ready`; rejects with what the supervisor says of one that will not be.
 * @param say told how far they are, again and again
 */
export async function waitUntilReady(machine: Machine, say: (line: string) => void = () => {}): Promise<void> {
  const instances = await machine.waitFor(
    "two settled instances",
    async (saw) => {
      const { stdout, stderr } = await machine.exec(STATUS, { check: false });
      saw(stdout + stderr);
      const { instances } = Value.Parse(Statuses, JSON.parse(stdout));
      say(instances.map(({ name, state }) => `${name} ${state}`).join(", "));
      return instances.length === 2 && instances.every(({ state }) => SETTLED.has(state)) ? instances : null;
    },
    { deadlineMs: 120_000, intervalMs: 100 },
  );
  const others = instances.filter(({ state }) => state !== "ready");
  const lines = others.flatMap(({ name, state, why, output }) => [`${name} is ${state}: ${why}`, ...output]);
  if (lines.length > 0) throw new Error(lines.join("\n"));
}

/** The kernel's line about project-a's way to {@link BLOCKED}, from the journal after `cursor`. */
export async function blockedLine(machine: Machine, cursor: string): Promise<string> {
  return await machine.waitFor("kernel log line of the blocked connection", async () => {
    const lines = await machine.journal({
      afterCursor: cursor,
      matches: ["_TRANSPORT=kernel"],
      grep: `^opencode-project-a-blocked: .*DST=${BLOCKED.replaceAll(".", "\\.")} `,
    });
    return lines[0]?.MESSAGE;
  });
}
