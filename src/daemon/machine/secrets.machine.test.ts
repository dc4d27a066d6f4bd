/** `restartOnSecretChange`: what rotated files restart, and what not. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { credentialFile, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { type Fields, Supervised, scripted } from "./testing.ts";

const Shown = Type.Object({ filesChanged: Type.Array(Type.String()) });
/** Writes down the key it was started with. */
const server = (name: string, port: number, more: Fields) =>
  scripted(name, port, 'echo "$KEY" > key; exec sleep infinity', more);
const KEY = "/run/secrets/key";

describe("rotated files", () => {
  const instances = {
    asks: server("asks", 7001, { environmentFile: KEY, restartOnSecretChange: true }),
    bears: server("bears", 7002, { environmentFile: KEY }),
    other: server("other", 7003, {
      ...{ configFile: "/etc/other.json", passwordFile: "/etc/other.password" },
      restartOnSecretChange: true,
    }),
  };
  let host: Supervised;
  let generation = 0;

  /** As sops-nix does it: a new directory, and the link to it swapped. */
  const rotate = (key: string) => {
    const directory = `/run/secrets.d/${++generation}`;
    return host.machine.sh(`install -d ${directory}; echo KEY=${key} > ${directory}/key
      ln -s ${directory} /run/secrets.new; mv -T /run/secrets.new /run/secrets`);
  };
  const restarted = (name: string, pid: number | undefined) =>
    host.until(name, "starting", (status) => status.pid !== null && status.pid !== pid);
  const started = async (name: string, key: string): Promise<void> => {
    await host.waitFor(`${name} with ${key}`, async (saw) => {
      const read = await host.machine.exec(["cat", `/srv/${name}/key`], { check: false });
      saw(read.stdout);
      return read.stdout === `${key}\n`;
    });
  };
  /** Has `other` restarted by a change of its own: what was noticed before that has been acted upon by then. */
  const afterAnother = async (): Promise<void> => {
    const [pid] = await host.pids("other");
    await host.machine.writeFile("/etc/other.json", JSON.stringify({ username: String(process.hrtime.bigint()) }));
    await restarted("other", pid);
  };
  const filesChanged = async (name: string): Promise<string[]> =>
    Value.Parse(Shown, JSON.parse((await host.cli("show", name, "--json")).stdout)).filesChanged;

  before(async () => {
    host = await Supervised.up("secrets");
    await rotate("one");
    await host.machine.writeFile("/etc/other.json", "{}");
    await host.machine.writeFile("/etc/other.password", "first\n");
    await host.write(instances);
    await host.systemctl("start", "opencode.target");
    for (const name of ["asks", "bears"]) await started(name, "one");
    await host.untilAll({ asks: "starting", bears: "starting", other: "starting" });
  });
  after(async () => {
    await host?.down();
  });

  it("restart the instance that asks for it, and no other; of one that does not the status says that it is older", async () => {
    const [asks, ...others] = await host.pids("asks", "bears", "other");
    await rotate("two");
    await restarted("asks", asks);
    await started("asks", "two");
    assert.deepEqual(await host.pids("bears", "other"), others);
    assert.deepEqual([await filesChanged("asks"), await filesChanged("bears")], [[], ["environmentFile"]]);
    assert.match((await host.cli("show", "bears")).stdout, /older +than what is in environmentFile now: restart it/);
  });

  it("restart nothing when they hold what they held before, or are missing for a moment", async () => {
    const pids = await host.pids("asks", "bears");
    await rotate("two");
    await afterAnother();
    await host.machine.sh(`rm ${KEY}`);
    await afterAnother();
    assert.deepEqual(await host.pids("asks", "bears"), pids);
    // And there again, with something else in it, they do
    await host.machine.sh(`echo KEY=three > ${KEY}`);
    await started("asks", "three");
  });

  it("restart it once when they were rotated while the supervisor was away", async () => {
    const [asks, bears] = await host.pids("asks", "bears");
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await rotate("four");
    await host.systemctl("start", SUPERVISOR_UNIT);
    await restarted("asks", asks);
    await started("asks", "four");
    const pids = await host.pids("asks", "bears");
    assert.equal(pids[1], bears);
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await afterAnother();
    assert.deepEqual(await host.pids("asks", "bears"), pids);
  });

  it("a new password reaches the server that asks for it, an unusable one stops nobody", async () => {
    const credentials = () => host.machine.readFile(credentialFile("other"));
    const [pid] = await host.pids("other");
    await host.machine.writeFile("/etc/other.password", "");
    const [asks] = await host.pids("asks");
    await rotate("five");
    await restarted("asks", asks);
    assert.deepEqual(await host.pids("other"), [pid]);
    await host.machine.writeFile("/etc/other.password", "second\n");
    await restarted("other", pid);
    assert.match(await credentials(), /"second"/);
  });

  it("one that was stopped by hand stays so, and has the new content when it is started", async () => {
    await started("asks", "five");
    await host.systemctl("stop", "opencode-asks.service");
    await host.until("asks", "stopped");
    await rotate("six");
    await afterAnother();
    assert.equal((await host.instances()).get("asks")?.state, "stopped");
    assert.equal((await host.cli("start", "asks")).code, 0);
    await started("asks", "six");
  });

  it("asked for only now, without a restart for the asking, it is restarted for what changed since its start", async () => {
    const [asks, bears] = await host.pids("asks", "bears");
    await host.write({ ...instances, bears: { ...instances.bears, restartOnSecretChange: true } });
    await restarted("bears", bears);
    await started("bears", "six");
    await host.write({ ...instances, asks: { ...instances.asks, restartOnSecretChange: false } });
    await host.reload();
    await rotate("seven");
    await afterAnother();
    assert.deepEqual(await host.pids("asks"), [asks]);
    assert.deepEqual(await filesChanged("asks"), ["environmentFile"]);
  });
});
