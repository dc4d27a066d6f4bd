/**
 * The escape matrix (escape-cases.ts), made by probe.c inside the units of an isolated instance that the real supervisor
 * started: in its setup by a hook, and in the place of its server. Prints the whole table.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { matrixOf, printed, TASKS } from "./escape-matrix.ts";
import { EscapeScene } from "./escape-scene.ts";

describe("the escape matrix", () => {
  let scene: EscapeScene;
  before(async () => {
    scene = await EscapeScene.up();
  });
  after(async () => {
    await scene?.down();
  });

  it("every attempt fails in setup and in main, and outside the same probe gets through", async () => {
    const rows = await matrixOf(scene);
    const shown = rows.filter(({ verdict }) => verdict === "closed").length;
    console.log(`${printed(rows)}\n${rows.length} attempts, ${shown} of which get through outside`);
    assert.deepEqual(
      rows.filter(({ verdict }) => !verdict.startsWith("closed")),
      [],
    );
    assert.ok(shown >= 60);
  });

  it("nor does an instance without isolation come to an abstract socket of the isolated one", async () => {
    await scene.abstractSocket("isolated");
    assert.equal(await scene.asFreer("unix @isolated"), "EPERM");
    assert.equal((await scene.outside([{ ...TASKS, attempt: "unix @isolated" }])).join(), "done");
  });

  it("a set-user-id program makes somebody else root, so the tool for that attempt works", async () => {
    const said = "echo 'become /usr/local/bin/probe-suid' | setpriv --reuid 65534 --clear-groups /usr/local/bin/probe";
    assert.equal((await scene.host.machine.sh(said)).stdout, "done\n");
  });
});
