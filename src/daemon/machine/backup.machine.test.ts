/** Backup and restore as docs/guides/back-up-and-restore.md has them, with the real opencode: archived, wiped, restored, the session goes on. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agentTurn } from "../../../testbed/agent-turn.ts";
import { Machine } from "../../../testbed/machine.ts";
import * as scene from "../../../testbed/two-projects.ts";
import { defaultStateDir, mainUnit } from "../../spec/names.ts";

const NAME = "project-b";
const HOME = defaultStateDir(NAME);
const UNIT = mainUnit(NAME);
const ARCHIVE = `tar --create --file=/root/state.tar --acls --xattrs --numeric-owner --directory=${HOME} .`;
const RESTORE = `tar --extract --file=/root/state.tar --acls --xattrs --numeric-owner --same-owner --directory=${HOME}`;
const STOP = `systemctl stop ${UNIT}`;
const START = `opencode-supervisor start ${NAME}`;
const WIPE = `find ${HOME} -mindepth 1 -delete`;

describe("the state of an instance", () => {
  let machine: Machine;
  const ask = () => scene.asker(machine, NAME);
  const sessionIsThere = async (session: string, said: string): Promise<boolean> => {
    const { status, body } = await ask()("GET", `/session/${session}/message`);
    return status === 200 && body.includes(said);
  };

  before(async () => {
    machine = await Machine.up({ name: "backup" });
    await machine.install();
    await scene.startModel(machine);
    await scene.writeProjects(machine);
    await machine.exec(["systemctl", "start", "opencode.target"]);
    await scene.waitUntilReady(machine);
  });
  after(async () => {
    await machine?.down();
  });

  const WAYS = [
    ["while stopped", [STOP, ARCHIVE, WIPE, RESTORE, START]],
    ["while running", [`systemctl freeze ${UNIT}`, ARCHIVE, `systemctl thaw ${UNIT}`, STOP, WIPE, RESTORE, START]],
  ] as const;
  for (const [when, commands] of WAYS) {
    it(`archived ${when}, wiped and restored: the session is there, and goes on`, async () => {
      const said = `remember-${when.replace(" ", "-")}`;
      const { session } = await agentTurn({ ask: ask(), prompt: scene.bash(`echo ${said}`) });
      for (const command of commands) await machine.sh(command);
      await scene.waitUntilReady(machine);
      assert.ok(await sessionIsThere(session, said));
      const message = JSON.stringify({ parts: [{ type: "text", text: scene.bash("echo and-on-it-goes") }] });
      assert.equal((await ask()("POST", `/session/${session}/message`, message)).status, 200);
      assert.ok(await sessionIsThere(session, "and-on-it-goes"));
    });
  }

  it("without its archive the session is gone: what was restored above was what was archived", async () => {
    const { session } = await agentTurn({ ask: ask(), prompt: scene.bash("echo forget-me") });
    for (const command of [STOP, WIPE, START]) await machine.sh(command);
    await scene.waitUntilReady(machine);
    assert.equal(await sessionIsThere(session, "forget-me"), false);
  });
});
