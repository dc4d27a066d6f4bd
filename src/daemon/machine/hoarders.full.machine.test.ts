/** An agent that opens as much as it may, beside another: whoever looks for what listens, the daemon takes no more for it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RUNTIME_DIR, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised, scripted } from "./testing.ts";

/** MiB that the daemon may take for it; without bounds it was 90, 460 and 1500, and grew with what there is. */
const GROWTH_MOST = 64;
/** Enough for each of the two to be looked for some times. */
const LOOKS = 10;
const PROCESSES = 10;

/** Listens at 7001 of 127.0.0.1, and as often as it can in each process at what PLACES says; or has that open as often. */
const HOARDER = `import os, socket, sys, time
def listen(place):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(place); s.listen(1); return s
own = listen(("127.0.0.1", 7001))
for process in range(${PROCESSES - 1}):
    if os.fork() == 0: break
else: process += 1
kept, address = [], lambda n: "127.%d.%d.%d" % (process + 1, n // 250, n % 250 + 1)
try:
    for n in range(19000):
        if sys.argv[1] == "descriptors": kept.append(os.dup(own.fileno()))
        else: kept.append(listen((address(n), 7001) if sys.argv[1] == "own" else (address(n % 2), 20000 + n)))
except OSError: pass
print("hoarded", sys.argv[1], len(kept), flush=True)
time.sleep(1e6)`;

describe("an agent that hoards", () => {
  let host: Supervised;
  before(async () => {
    host = await Supervised.up("hoarders", { b: light("b", 7002) });
    await host.projects({ a: {} });
    await host.machine.writeFile("/srv/a/hoarder.py", HOARDER);
  });
  after(async () => {
    await host?.down();
  });

  /** MiB, of a line of proc_pid_status(5). */
  const memory = async (pid: string, line: string): Promise<number> =>
    Number((await host.machine.sh(`awk '/^${line}/ { print $2 }' /proc/${pid}/status`)).stdout) / 1024;

  /** How often a server that is starting was looked for in vain. */
  const looks = async (): Promise<number> => {
    const { stdout } = await host.machine.sh(
      `curl -s --unix-socket ${RUNTIME_DIR}/status.sock http://localhost/metrics | awk '/^opencode_probe_failures_total/ { print $2 }'`,
    );
    return Number(stdout);
  };

  for (const [what, kind] of [
    ["descriptors, in each of its processes", "descriptors"],
    ["sockets that listen, at all ports", "elsewhere"],
    ["sockets that listen, at its own port", "own"],
  ] as const) {
    it(`${what}: the daemon stays as it was, and answers`, async (t) => {
      // Given
      const pid = await host.show(SUPERVISOR_UNIT, "MainPID");
      const before = await memory(pid, "VmRSS");
      const script = `ulimit -n $(ulimit -Hn); exec python3 hoarder.py ${kind}`;
      await host.write({ a: scripted("a", 7001, script), b: light("b", 7002) });
      const made = await host.waitFor("all there is to be had", async (saw) => {
        const lines = await host.machine.journal({ unit: "opencode-a.service", grep: `^hoarded ${kind} ` });
        saw(lines.map(({ MESSAGE }) => MESSAGE));
        return lines.length === PROCESSES && lines.map(({ MESSAGE }) => Number(MESSAGE.split(" ")[2]));
      });
      assert.ok(made.every((count) => count > 1000));
      await host.machine.sh(`echo 5 >/proc/${pid}/clear_refs`); // its peak is what it is now
      // When
      const already = await looks();
      await host.waitFor("looks", async () => (await looks()) > already + LOOKS);
      // Then
      assert.equal((await host.status()).instances.starting, 2);
      assert.equal(await host.show(SUPERVISOR_UNIT, "MainPID"), pid);
      const grown = (await memory(pid, "VmHWM")) - before;
      t.diagnostic(`${grown.toFixed(1)} MiB more`);
      assert.ok(grown < GROWTH_MOST, `${grown.toFixed(1)} MiB`);
    });
  }
});
