/** Many instances on one host: all come up from one file, and a change to one is nothing to the others. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { mainUnit } from "../../spec/names.ts";
import { type Instances, light, Supervised } from "./testing.ts";

const NAMES = Array.from({ length: 50 }, (_, index) => `many-${index}`);
const CHANGED = "many-25";
const isolation = { networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.0/24"] } };
const INSTANCES: Instances = Object.fromEntries(
  NAMES.map((name, index) => [name, light(name, 20_000 + index, isolation)]),
);

describe("fifty instances", () => {
  let host: Supervised;
  before(async () => {
    host = await Supervised.up("many", INSTANCES);
  });
  after(async () => {
    await host?.down();
  });

  it("all run, each with its policy in force", async () => {
    await host.untilAll(Object.fromEntries(NAMES.map((name) => [name, "starting"])));
    const instances = await host.instances();
    assert.deepEqual(
      NAMES.filter((name) => instances.get(name)?.policy.inForce !== true),
      [],
    );
  });

  it("lie on mounts that systemd knows already: none is loaded for one start and forgotten again", async () => {
    const listed = await host.systemctl("list-units", "--all", "--plain", "--no-legend", "--type=mount");
    const known = new Set(listed.split("\n").map((line) => line.split(" ")[0]));
    const above = (path: string): string[] =>
      path
        .split("/")
        .slice(2)
        .map((_, index) =>
          path
            .split("/")
            .slice(0, index + 2)
            .join("/"),
        );
    const paths = ["/run/opencode-supervisor/root", "/var/lib/opencode/instance-state", "/var/tmp"];
    const on = paths.flatMap((path) => [path, ...above(path)]);
    const mounts = (await host.machine.exec(["systemd-escape", "--path", "--suffix=mount", ...on])).stdout;
    assert.deepEqual(
      mounts
        .trim()
        .split(" ")
        .filter((mount) => !known.has(mount)),
      [],
    );
  });

  it("are not interrupted by the daemon for each signal: it runs in batch (sched(7))", async () => {
    const script = "ps -o cls= -p $(systemctl show --value -p MainPID opencode-supervisor)";
    assert.equal((await host.machine.sh(script)).stdout.trim(), "B");
  });

  it("keep their processes while one is changed and a daemon comes and goes", async () => {
    const before = await host.pids(...NAMES);
    await host.write({ ...INSTANCES, [CHANGED]: { ...INSTANCES[CHANGED], logLevel: "WARN" } });
    await host.machine.waitFor(`restart of ${CHANGED}`, async () => {
      const [pid] = await host.pids(CHANGED);
      return pid !== undefined && pid > 0 && !before.includes(pid);
    });
    await host.systemctl("restart", "opencode-supervisor.service");
    await host.untilAll(Object.fromEntries(NAMES.map((name) => [name, "starting"])));
    const now = await host.pids(...NAMES);
    assert.deepEqual(NAMES.filter((_, index) => now[index] !== before[index]).map(mainUnit), [mainUnit(CHANGED)]);
  });
});
