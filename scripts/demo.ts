/**
 * `npm run demo`: the main job, end to end, in a machine that is gone afterwards. It checks what it shows: anything that did
 * not happen as said ends it with exit status 1. Ctrl-C takes the machine down as well.
 *   --keep   leaves the machine as it is at the end, under the name `demo`
 *   --nixos  with what the NixOS module renders for the same two projects (nix/examples/two-projects.nix)
 */
import { parseArgs } from "node:util";
import { NixosHost } from "../nix/tests/nixos-host.ts";
import { progressLine } from "../src/cli/progress.ts";
import { hasColour } from "../src/cli/table.ts";
import { agentTurn, type ToolUse } from "../testbed/agent-turn.ts";
import { Machine } from "../testbed/machine.ts";
import * as scene from "../testbed/two-projects.ts";

const flag = { type: "boolean", default: false } as const;
const { keep, nixos } = parseArgs({ options: { keep: flag, nixos: flag } }).values;
const BY_HAND = `the same again, left standing for you:    npm run demo -- --keep
an empty machine, gone when you leave it: npm run machine -- shell
in it: /usr/lib/opencode-supervisor/systemd/install, write /etc/opencode/instances.json, systemctl start opencode.target`;
const KEPT = `look around:  npm run machine -- shell demo
end it:       npm run machine -- down demo`;

const started = performance.now();
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(1).padStart(5);
const isColoured = hasColour(process.stdout, process.env);
const colour = (code: number, text: string): string => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text);
/** What is going on, with the seconds so far. */
const step = (what: string): void => console.log(colour(1, `[${seconds()} s] ${what}`));
/** Output of something that ran, below its step. */
const show = (text: string): void => console.log(text.trimEnd().replaceAll(/^/gm, "    "));

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

async function statusOf(machine: Machine): Promise<void> {
  const shell = async (command: string): Promise<void> => {
    step(`$ ${command}`);
    show((await machine.sh(command)).stdout);
  };
  const wanted = "{name, state, pid, port: .listen.port, user, opencode: .version, policy}";
  await shell(`curl -s --unix-socket /run/opencode-supervisor/status.sock http://localhost/v1/instances |
    jq -c '.instances[] | ${wanted}'`);
  await shell("opencode-supervisor status");
}

/** One turn, shown as prompt, tools and last words. */
async function turn(machine: Machine, project: scene.Project, lines: readonly string[]): Promise<readonly ToolUse[]> {
  const result = await agentTurn({ ask: scene.asker(machine, project), prompt: lines.join("\n") });
  lines.forEach((line, index) => {
    const used = result.tools[index];
    show(`> ${line}\n${used === undefined ? "" : `${used.status}: ${used.output}`}`);
  });
  show(`model: ${result.text}`);
  check(
    result.tools.length === lines.length,
    `the agent of ${project} made ${result.tools.length} of ${lines.length} tool calls`,
  );
  check(
    result.tools.every(({ status }) => status === "completed"),
    `a tool of ${project} did not complete`,
  );
  return result.tools;
}

function said(tool: ToolUse | undefined): boolean {
  return tool?.output.includes("hello") ?? false;
}

async function workingTurn(machine: Machine): Promise<void> {
  step("a real agent turn in project-a: bash, then edit");
  await turn(machine, "project-a", [
    scene.bash("git --version && echo 'hello wrold' > greeting.txt"),
    'edit {"filePath":"/srv/project-a/greeting.txt","oldString":"wrold","newString":"world"}',
  ]);
  const listing = await machine.sh("cd /srv/project-a && ls -l greeting.txt && cat greeting.txt");
  show(listing.stdout);
  check(listing.stdout.endsWith("hello world\n"), "greeting.txt is not what the agent should have made of it");
}

async function blockedTurn(machine: Machine): Promise<void> {
  step(`project-a may reach ${scene.ALLOWED_CIDR}: its agent tries ${scene.ALLOWED}, then ${scene.BLOCKED}`);
  const cursor = await machine.journalCursor();
  const [allowed, blocked] = await turn(machine, "project-a", [
    scene.bash(scene.greet(scene.ALLOWED)),
    scene.bash(scene.greet(scene.BLOCKED)),
  ]);
  check(said(allowed), `${scene.ALLOWED} is allowed and did not answer`);
  check(
    blocked?.output.includes("failed") ?? false,
    `${scene.BLOCKED} is not allowed, and the connection was not refused`,
  );
  step("$ journalctl -k");
  show(await scene.blockedLine(machine, cursor));
}

async function openTurn(machine: Machine): Promise<void> {
  step("project-b is not isolated: the same connection from its agent");
  const [open] = await turn(machine, "project-b", [scene.bash(scene.greet(scene.BLOCKED))]);
  check(said(open), `${scene.BLOCKED} did not answer project-b`);
}

/** Puts the instance file and the drop-ins in place that evaluation renders. */
async function asOnNixos(machine: Machine): Promise<void> {
  const host = await NixosHost.on(machine);
  await host.activate("two-projects");
  await machine.exec(["systemctl", "daemon-reload"]);
}

async function demo(): Promise<void> {
  step("booting a machine of its own: Debian with systemd as PID 1, in namespaces");
  const machine = await Machine.up({ name: "demo", keep, say: step });
  if (!keep) torn.use(machine);
  show((await machine.sh("systemctl --version | head -n 1; uname -sr")).stdout);

  step("installing the supervisor, an offline model, and a host on a cable with two addresses");
  await machine.install();
  await scene.startModel(machine);
  torn.use(await scene.joinPeer(machine));
  await scene.writeProjects(machine);
  if (nixos) await asOnNixos(machine);
  show((await machine.exec(["jq", "-c", ".instances[] | del(.config)", "/etc/opencode/instances.json"])).stdout);

  step("starting opencode.target and waiting for two real opencode servers");
  await machine.exec(["systemctl", "start", "opencode.target"]);
  const line = progressLine();
  await scene.waitUntilReady(machine, (how) => line.show(`    ${how}, ${seconds().trim()} s`)).finally(line.end);
  await statusOf(machine);
  await workingTurn(machine);
  await blockedTurn(machine);
  await openTurn(machine);

  if (!keep) step("taking it all down");
  await torn.disposeAsync();
  step("done. You saw two supervised opencode servers from one file, an agent at work, and a connection refused");
  show(keep ? KEPT : BY_HAND);
}

let interrupted = false;
/** Where everything that has to go is; a kept machine is not in it. */
await using torn = new AsyncDisposableStack();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (interrupted) return; // Ctrl-C comes from the terminal and from npm
    interrupted = true;
    step(`${signal}: taking ${keep ? "all but the machine" : "the machine"} down`);
    void torn.disposeAsync().finally(() => process.exit(130));
  });
}

try {
  await demo();
} catch (error) {
  if (interrupted) await new Promise(() => {}); // interrupted: what failed, failed because its machine is going
  console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
