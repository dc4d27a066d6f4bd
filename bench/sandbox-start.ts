/**
 * What the sandbox adds to the start of a unit: from `StartTransientUnit` until its job is done, in turns with all of an
 * instance's properties and with none but user, slice, working directory and command, all else being the same. Each comes
 * after either as often: what is left of a sandbox is taken away for a while after it ended, and counts for whoever comes next.
 */
import { DBusSystemd } from "../src/daemon/systemd/dbus.ts";
import { makeRootIn } from "../src/sandbox/machine/root.ts";
import { instanceUnits } from "../src/sandbox/properties.ts";
import { instance, MERGED } from "../src/sandbox/testing.ts";
import { credentialFile, renderedConfig } from "../src/spec/names.ts";
import type { UnitProperty } from "../src/spec/unit.ts";
import { INSTALLED, NODE_DIR } from "../testbed/host.ts";
import { Machine } from "../testbed/machine.ts";
import { kept, spread, table } from "./numbers.ts";
import { milliseconds } from "./scene.ts";

const RUNS = 100;
const WARM = 5;
const MOST_MS = 15;
const PLAIN = new Set<string>([
  "User",
  "Group",
  "Slice",
  "WorkingDirectory",
  "ExecStartEx",
  "Type",
  "Environment",
  "EnvironmentFiles",
]);
let made = 0;

export async function sandboxStart(): Promise<string> {
  await using machine = await Machine.up({ name: "bench-start" });
  const systemd = await DBusSystemd.connect(`unix:path=/proc/${machine.pid}/root/run/dbus/system_bus_socket`);
  try {
    return await measured(machine, systemd);
  } finally {
    await systemd.close();
  }
}

async function measured(machine: Machine, systemd: DBusSystemd): Promise<string> {
  const init = `${INSTALLED}/packages/sandbox-init/build/opencode-init`;
  const programs = {
    init,
    node: `${INSTALLED}/${NODE_DIR}/bin/node`,
    setup: `${INSTALLED}/src/setup/main.ts`,
    shell: "/bin/sh",
  };
  const host = { systemdVersion: systemd.version, landlockScopes: true, programs, ...MERGED };
  await machine.sh(`useradd --system --user-group opencode-a; install -d -o opencode-a /srv/a
    install -d -m 700 -o opencode-a -g opencode-a /var/lib/opencode/instance-state/a/.config/opencode
    chown -R opencode-a:opencode-a /var/lib/opencode/instance-state/a`);
  await makeRootIn(machine, instance(), host);
  await machine.writeFile(credentialFile("a"), "OPENCODE_SERVER_PASSWORD=pw\n", 0o600);
  await machine.writeFile(renderedConfig("a"), "{}");
  const { main } = instanceUnits(
    instance({ command: ["/bin/sleep", "1000"], networkIsolation: { enable: true } }),
    host,
  );
  const alone = main.filter(([name]) => !["Requires", "After", "PartOf", "Restart"].includes(name));
  const sleeper: UnitProperty = [
    "ExecStartEx",
    [[init, [init, "--landlock-scopes", "--", "/bin/sleep", "1000"], ["no-env-expand"]]],
  ];
  const sandboxed = [...alone.filter(([name]) => name !== "ExecStartEx"), sleeper];
  const plain = sandboxed.filter(([name]) => PLAIN.has(name));

  const start = async (properties: readonly UnitProperty[]): Promise<number> => {
    const unit = `opencode-bench-${++made}.service`;
    const took = await milliseconds(async () => {
      const ended = await systemd.startTransient({ unit, properties });
      if (ended !== "done")
        throw new Error(`the unit's start is ${ended}: ${(await machine.exec(["journalctl", "-n", "20"])).stdout}`);
    });
    await systemd.stop(unit);
    await systemd.resetFailed(unit);
    return took;
  };
  const runs: Record<"sandboxed" | "plain", number[]> = { sandboxed: [], plain: [] };
  for (let turn = -WARM; turn < RUNS; turn++) {
    const pair = [["plain", plain] as const, ["sandboxed", sandboxed] as const];
    for (const [which, properties] of turn % 2 === 0 ? pair : pair.reverse()) {
      const took = await start(properties);
      if (turn >= 0) runs[which].push(took);
    }
  }
  const added = runs.sandboxed.map((value, turn) => value - (runs.plain[turn] ?? Number.NaN));
  return table([
    [`start of a unit, ${RUNS} in turns`, "median (spread)", `most ${MOST_MS} ms`],
    ["without the sandbox", spread(runs.plain, 1, "ms"), ""],
    ["with it", spread(runs.sandboxed, 1, "ms"), ""],
    ["added, run by run", spread(added, 1, "ms"), kept(added, MOST_MS)],
  ]);
}

if (import.meta.main) console.log(await sandboxStart());
