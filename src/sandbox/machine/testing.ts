/** For machine tests: importing this boots a machine for the file's tests, where instance `a` can be started as it is rendered. */
import { after, before, beforeEach } from "node:test";
import { INSTALLED, NODE_DIR, opencodeBinary } from "../../../testbed/host.ts";
import { Machine } from "../../../testbed/machine.ts";
import { DBusSystemd } from "../../daemon/systemd/dbus.ts";
import { credentialFile, mainUnit, renderedConfig, rootDir, setupUnit } from "../../spec/names.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import type { Host } from "../host.ts";
import { instanceUnits } from "../properties.ts";
import { instance, MERGED } from "../testing.ts";
import { makeRootIn } from "./root.ts";

export const OPENCODE = `${INSTALLED}/${opencodeBinary()}`;
const INIT = `${INSTALLED}/packages/sandbox-init/build/opencode-init`;
export const HOME = "/var/lib/opencode/instance-state/a";
export const MAIN = mainUnit("a");
export const SETUP = setupUnit("a");

export let machine: Machine;
export let systemd: DBusSystemd;
export let host: Host;

before(async () => {
  machine = await Machine.up({ name: "sandbox" });
  systemd = await DBusSystemd.connect(`unix:path=/proc/${machine.pid}/root/run/dbus/system_bus_socket`);
  const abi = await machine.exec([INIT, "--probe"]);
  host = {
    systemdVersion: systemd.version,
    landlockScopes: Number(abi.stdout) >= 6,
    programs: {
      init: INIT,
      node: `${INSTALLED}/${NODE_DIR}/bin/node`,
      setup: `${INSTALLED}/src/setup/main.ts`,
      shell: "/bin/sh",
    },
    ...MERGED,
  };
  await machine.sh("useradd --system --no-create-home --user-group opencode-a; useradd --system other");
  await machine.writeFile("/etc/systemd/system/opencode.slice", "[Slice]\nIPAddressDeny=any\n");
  await machine.exec(["systemctl", "daemon-reload"]);
});
after(async () => {
  await systemd?.close();
  await machine?.down();
});

/** A machine with nothing of instance `a` but its project. */
beforeEach(async () => {
  for (const unit of [MAIN, SETUP]) {
    await systemd.stop(unit);
    await systemd.resetFailed(unit);
  }
  await machine.sh(`rm -rf ${HOME} ${rootDir("a")} /srv/a /run/systemd/system/opencode-a*.d
    install -d -o opencode-a -g opencode-a /srv/a`);
  await makeRootIn(machine, instance(), host);
  await machine.writeFile(credentialFile("a"), "OPENCODE_SERVER_PASSWORD=pw\n", 0o600);
  await machine.writeFile(renderedConfig("a"), '{"$schema":"https://opencode.ai/config.json"}');
});

export const start = (spec: InstanceSpec) => {
  const { main, setup } = instanceUnits(spec, host);
  return systemd.startTransient({ unit: MAIN, properties: main }, [{ unit: SETUP, properties: setup }]);
};
/** What the units printed, with why if nothing came. */
export const output = async (unit = MAIN): Promise<string> =>
  (await machine.exec(["journalctl", "-o", "cat", "--no-pager", `_SYSTEMD_UNIT=${unit}`, "+", `UNIT=${unit}`])).stdout;

export const exists = async (path: string): Promise<boolean> =>
  (await machine.exec(["test", "-e", path], { check: false })).code === 0;

/** Runs a script in place of the server, and answers with what it said. */
export async function seen(script: string, extra: object = {}): Promise<string> {
  await machine.writeFile(
    "/srv/a/script",
    `exec >/srv/a/.seen 2>&1\n${script}\nmv /srv/a/.seen /srv/a/seen\nexec sleep 1000`,
  );
  await start(instance({ command: ["/bin/sh", "/srv/a/script"], ...extra }));
  await machine.waitFor("the script's end", async (saw) => {
    saw((await output(SETUP)) + (await output()));
    return exists("/srv/a/seen");
  });
  return machine.readFile("/srv/a/seen");
}
