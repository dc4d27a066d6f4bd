/** What `npm pack` makes, installed as README.md says on a machine that has nothing of this tree, and run there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { INSTALLED } from "../../../testbed/host.ts";
import { VERSION } from "../../version.ts";
import { light, Supervised } from "./testing.ts";

const TREE = fileURLToPath(new URL("../../..", import.meta.url));
/** What README.md says to run in the unpacked package. */
const STEPS = ["npm install --omit=dev --ignore-scripts", "npm rebuild --ignore-scripts=false systemd-journald"];

/** The package unpacked, with its dependencies, as a tar archive. */
function installedTar(directory: string): Buffer {
  const unpacked = join(directory, "opencode-supervisor");
  const nodedir = join(unpacked, "node_modules", `node-linux-${process.arch}`);
  const env = { ...process.env, npm_config_nodedir: nodedir, npm_config_prefer_offline: "true" };
  const run = (cwd: string, command: string) => execFileSync("sh", ["-ec", command], { cwd, env, stdio: "pipe" });
  run(TREE, `npm pack --silent --pack-destination ${directory}`);
  const [packed = ""] = readdirSync(directory);
  run(directory, `mkdir opencode-supervisor && tar xf ${packed} --strip-components=1 -C opencode-supervisor`);
  for (const step of STEPS) run(unpacked, step);
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
