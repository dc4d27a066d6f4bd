/**
 * `npm run demo`: the main job, end to end, in a machine that is gone afterwards. It checks what it shows: anything that did
 * not happen as said ends it with exit status 1. Ctrl-C takes the machine down as well.
 */
import { agentTurn, type ToolUse } from "../testbed/agent-turn.ts";
import { Machine } from "../testbed/machine.ts";
import * as scene from "../testbed/two-projects.ts";

const started = performance.now();
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(1).padStart(5);
const colour = (code: number, text: string): string => (process.stdout.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text);
/** What is going on, with the seconds so far. */
const step = (what: string): void => console.log(colour(1, `[${seconds()} s] ${what}`));
/** Output of something that ran, below its step. */
const show = (text: string): void => console.log(text.trimEnd().replaceAll(/^/gm, "    "));

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

await using torn = new AsyncDisposableStack();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    step(`${signal}: taking the machine down`);
    void torn.disposeAsync().finally(() => process.exit(130));
  });
}

try {
  await demo();
} catch (error) {
  if (torn.disposed) await new Promise(() => {}); // interrupted: what failed, failed because its machine is going
  console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function demo(): Promise<void> {
  step("booting a machine of its own: Debian with systemd as PID 1, in namespaces");
  const machine = torn.use(await Machine.up({ name: "demo", say: step }));
  show((await machine.sh("systemctl --version | head -n 1; uname -sr")).stdout);

  step("installing the supervisor, an offline model, and a host on a cable with two addresses");
  await machine.install();
  await scene.startModel(machine);
  torn.use(await scene.joinPeer(machine));
  await scene.writeProjects(machine);
  show((await machine.exec(["jq", "-c", ".instances[] | del(.config)", "/etc/opencode/instances.json"])).stdout);

  step("starting opencode.target and waiting for two real opencode servers");
  await machine.exec(["systemctl", "start", "opencode.target"]);
  await scene.waitUntilReady(machine);
  await statusOf(machine);
  await workingTurn(machine);
  await blockedTurn(machine);
  await openTurn(machine);

  step("taking it all down");
  await torn.disposeAsync();
  step(
    "done. Shown: two supervised opencode servers from one file, their status, a real agent turn, a blocked connection",
  );
  show("By hand: npm run machine -- shell     then: /usr/lib/opencode-supervisor/systemd/install");
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
  for (const { tool, status, output } of result.tools) show(`${tool} ${status}: ${output}`);
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

const said = (tool: ToolUse | undefined): boolean => tool?.output.includes("hello") ?? false;

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
  check(!said(blocked), `${scene.BLOCKED} is not allowed and answered`);
  step("$ journalctl -k");
  show(await scene.blockedLine(machine, cursor));
}

async function openTurn(machine: Machine): Promise<void> {
  step("project-b is not isolated: the same connection from its agent");
  const [open] = await turn(machine, "project-b", [scene.bash(scene.greet(scene.BLOCKED))]);
  check(said(open), `${scene.BLOCKED} did not answer project-b`);
}
