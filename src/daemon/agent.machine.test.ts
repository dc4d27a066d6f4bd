/** The whole of it, once: a real agent works under the supervisor, and reaches what it may and nothing else. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agentTurn } from "../../testbed/agent-turn.ts";
import { Machine } from "../../testbed/machine.ts";
import type { Peer } from "../../testbed/peer.ts";
import * as scene from "../../testbed/two-projects.ts";

describe("an agent under supervision", () => {
  let machine: Machine;
  let peer: Peer | undefined;
  const turn = (project: scene.Project, ...lines: string[]) =>
    agentTurn({ ask: scene.asker(machine, project), prompt: lines.join("\n") });

  before(async () => {
    machine = await Machine.up({ name: "agent" });
    await machine.install();
    await scene.startModel(machine);
    peer = await scene.joinPeer(machine);
    await scene.writeProjects(machine);
    await machine.exec(["systemctl", "start", "opencode.target"]);
    await scene.waitUntilReady(machine);
  });
  after(async () => {
    await peer?.down();
    await machine?.down();
  });

  it("runs its tools and changes its project", async () => {
    const result = await turn(
      "project-a",
      scene.bash("git --version && echo 'hello wrold' > greeting.txt"),
      'edit {"filePath":"/srv/project-a/greeting.txt","oldString":"wrold","newString":"world"}',
    );
    assert.deepEqual(
      result.tools.map(({ tool, status }) => [tool, status]),
      [
        ["bash", "completed"],
        ["edit", "completed"],
      ],
    );
    assert.match(result.tools[0]?.output ?? "", /^git version \d/);
    assert.equal(result.text, "Done: bash, edit.");
    assert.equal(await machine.readFile("/srv/project-a/greeting.txt"), "hello world\n");
  });

  it("reaches what is allowed and is refused the rest, which the kernel logs", async () => {
    const cursor = await machine.journalCursor();
    const { tools } = await turn(
      "project-a",
      scene.bash(scene.greet(scene.ALLOWED)),
      scene.bash(scene.greet(scene.BLOCKED)),
    );
    assert.match(tools[0]?.output ?? "", /hello/);
    assert.doesNotMatch(tools[1]?.output ?? "", /hello/);
    assert.match(tools[1]?.output ?? "", /failed/);
    assert.match(await scene.blockedLine(machine, cursor), /PROTO=TCP .*DPT=443 /);
  });

  it("leaves the one without isolation alone", async () => {
    const { tools } = await turn("project-b", scene.bash(scene.greet(scene.BLOCKED)));
    assert.match(tools[0]?.output ?? "", /hello/);
  });
});
