/** What `npm pack` makes, installed as docs/getting-started/debian.md says on a machine that has nothing of this tree, and run there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { installedPackage } from "../../../scripts/package.ts";
import { INSTALLED } from "../../../testbed/host.ts";
import { VERSION } from "../../version.ts";
import { light, Supervised } from "./testing.ts";

/** The package with its dependencies, as a tar archive. */
function installedTar(directory: string): Buffer {
  installedPackage(directory);
  return execFileSync("tar", ["c", "-C", directory, "opencode-supervisor"], { maxBuffer: 1 << 30 });
}

describe("npm pack", () => {
  let host: Supervised;
  const directory = mkdtempSync(join(tmpdir(), "pack-"));
  before(async () => {
    const tar = installedTar(directory);
    host = await Supervised.bare("pack");
    await host.machine.exec(["umount", INSTALLED]);
    await host.machine.exec(["tar", "x", "--no-same-owner", "-C", "/usr/lib"], { input: tar });
  });
  after(async () => {
    rmSync(directory, { recursive: true });
    await host?.down();
  });

  it("the machine has nothing of the tree but what was packed", async () => {
    const { stdout } = await host.machine.exec(["ls", INSTALLED]);
    assert.deepEqual(
      ["src", "testbed", "bench", ".git"].filter((name) => stdout.split("\n").includes(name)),
      [],
    );
  });

  it("it has the dashboard's page", async () => {
    const { stdout } = await host.machine.exec(["ls", `${INSTALLED}/dist/dashboard/page`]);
    const names = stdout.split("\n");
    assert.deepEqual(
      ["index.html", "main.js", "page.css", "icon.svg"].filter((name) => !names.includes(name)),
      [],
    );
  });

  it("installs its units, accounts and catalogue, and runs an instance", async () => {
    await host.machine.install();
    await host.write({ a: light("a", 8001) });
    await host.systemctl("start", "opencode.target");
    await host.until("a", "starting", ({ pid }) => pid !== null);
    assert.equal((await host.cli("--version")).stdout, `${VERSION}\n`);
    assert.equal((await host.cli("stop", "a", "--wait")).code, 0);
    await host.until("a", "stopped");
    const explained = await host.machine.exec(["journalctl", "-x", "--no-pager", "-u", "opencode-supervisor.service"]);
    assert.match(explained.stdout, /Subject: Somebody asked for stop of instance a/);
  });

  it("and can be taken away again", async () => {
    assert.equal((await host.cli("teardown")).code, 0);
    assert.deepEqual(await host.remains(), []);
  });
});
