/** `systemctl reload` when the file says the same as before: how long the operator waits, and that nothing is done. */
import { INSTANCE_FILE, SUPERVISOR_UNIT } from "../src/spec/names.ts";
import { INSTALLED } from "../testbed/host.ts";
import type { Machine } from "../testbed/machine.ts";
import { kept, spread } from "./numbers.ts";
import { fileText, type Instances, milliseconds } from "./scene.ts";

const RUNS = 15;
const MOST_MS = 50;

const RELOAD = ["systemctl", "reload", SUPERVISOR_UNIT];

export async function reloads(machine: Machine, all: Instances): Promise<string[][]> {
  const write = (indent?: number) => machine.writeFile(INSTANCE_FILE, fileText(all, indent));
  const ways: readonly (readonly [how: string, mostMs: number | null, prepare: (turn: number) => Promise<unknown>])[] =
    [
      ["the file untouched", MOST_MS, async () => undefined],
      ["the file written anew, same bytes", MOST_MS, () => write()],
      ["the same, formatted differently: all of it is checked", null, (turn) => write(turn % 3)],
    ];
  const rows: string[][] = [];
  for (const [how, mostMs, prepare] of ways) {
    const before = await generation(machine);
    const times: number[] = [];
    const calls = await callsWhile(machine, async () => {
      for (let turn = 0; turn < RUNS; turn++) {
        await prepare(turn);
        times.push(await milliseconds(() => machine.exec(RELOAD)));
      }
    });
    const done = `${calls} changes in systemd, ${(await generation(machine)) - before} nft transactions`;
    const isKept = calls === 0 && done.endsWith(" 0 nft transactions");
    rows.push([
      `reload, ${how}`,
      `${spread(times, 0, "ms")}, ${done}`,
      `${mostMs === null ? "" : `${mostMs} ms, `}nothing done`,
      isKept ? kept(times, mostMs ?? Number.POSITIVE_INFINITY) : "NO",
    ]);
  }
  return rows;
}

/** The kernel's count of ruleset transactions by anybody in the machine. */
async function generation(machine: Machine): Promise<number> {
  const program = `import { generation } from "${INSTALLED}/packages/nftables-napi/index.js"; console.log(generation());`;
  return Number((await machine.exec(["node", "--input-type=module", "--eval", program])).stdout);
}

/** Calls that only ask. */
const ASKS = /^(Get|GetAll|GetUnit|List.*|Subscribe)$/;

/** How many calls that change something systemd is sent over the system bus while `work` runs. */
async function callsWhile(machine: Machine, work: () => Promise<void>): Promise<number> {
  const match = "type='method_call',destination='org.freedesktop.systemd1'";
  const monitor = ["busctl", "monitor", "--json=short", "--match", match];
  await machine.exec(["systemd-run", "--unit=heard", `--property=StandardOutput=truncate:${HEARD}`, ...monitor]);
  await machine.waitFor("a monitor that hears", async () => {
    await machine.exec(["busctl", "--system", "get-property", ...MANAGER, "Version"]);
    return (await machine.readFile(HEARD)) !== "";
  });
  await work();
  await machine.exec(["systemctl", "stop", "heard.service"]);
  const members = (await machine.readFile(HEARD)).matchAll(/"member":"([A-Za-z]+)"/g);
  return [...members].filter(([, member]) => !ASKS.test(member ?? "")).length;
}
const HEARD = "/run/heard.json";
const MANAGER = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];
