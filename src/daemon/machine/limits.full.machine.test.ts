/**
 * Limits that act, on a kernel of its own (testbed/vm.ts): where machines in namespaces are tested, the memory and task
 * controllers may belong to the host. And the rest of an instance's life on Debian's kernel as it is.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { VirtualMachine } from "../../../testbed/vm.ts";
import { noVirtualMachine } from "../../../testbed/vm-boot.ts";
import { TABLE } from "../../netpolicy/names.ts";
import { mainUnit, RUNTIME_DIR, SUPERVISOR_UNIT, setupUnit, sliceUnit } from "../../spec/names.ts";
import { InstanceDetail } from "../api/model.ts";
import { EVENTS } from "../journal/messages.ts";
import { PROBE_SERVER } from "../netfilter/fixtures.ts";
import { type Fields, Supervised, scripted } from "./testing.ts";

const [MIB, MEMORY_MAX, TASKS_MAX] = [1 << 20, 256, 40];
const [ALLOWED, BLOCKED] = ["192.0.2.2", "192.0.2.3"];
/** Healthy; `/grow` and it takes more and more itself; else its answer is how the shell text that it was sent ended. */
const WORKER = `
import { createServer } from "node:http"; import { spawn } from "node:child_process"; import { text } from "node:stream/consumers";
const taken = [];
createServer(async (request, response) => {
  if (request.method === "GET") return response.end('{"healthy":true}');
  if (request.url === "/grow") return setInterval(() => taken.push(Buffer.alloc(8 << 20, 1)), 1);
  spawn("sh", ["-c", await text(request)], { stdio: "inherit" }).on("exit", (code, signal) => response.end(signal ?? String(code)));
}).listen(Number(process.argv[2]), "127.0.0.1");`;
/** Each that there is makes more, for ever; one that may not tries again a little later, so that who looks on has a processor too. */
const FORK_BOMB = `exec python3 -c '
import os, time
while True:
  try: os.fork()
  except OSError: time.sleep(0.2)
'`;
const BUSY = "exec timeout 1 sh -c 'while :; do :; done'";
const GREEDY = "tail /dev/zero"; // keeps the last line, of which there is no end

const PORTS = { eater: 7001, grower: 7002, forker: 7003, calm: 7004, isolated: 7005, "setup-eater": 7006 } as const;
type Name = keyof typeof PORTS;
const worker = (name: Name, limits: object, more: Fields = {}): Fields =>
  scripted(name, PORTS[name], `exec node /srv/${name}/server.mjs ${PORTS[name]}`, { limits, ...more });
const memoryMax = `${MEMORY_MAX}M`;
const INSTANCES: Readonly<Record<Name, Fields>> = {
  eater: worker("eater", { memoryMax, cpuQuota: "150%" }),
  grower: worker("grower", { memoryMax }),
  forker: worker("forker", { tasksMax: TASKS_MAX, cpuQuota: "50%" }),
  calm: worker("calm", { memoryMax: "50%" }),
  isolated: worker("isolated", {}, { networkIsolation: { enable: true, outboundAllowCidrs: [`${ALLOWED}/32`] } }),
  "setup-eater": worker("setup-eater", { memoryMax }, { preInitScript: GREEDY }),
};
const SERVERS = ["eater", "grower", "forker", "calm", "isolated"] as const;
/** A host on a cable, that says hello at both addresses. */
const PEER = `
  ip netns add peer
  ip link add to-peer type veth peer name eth0 netns peer
  ip address add 192.0.2.1/24 dev to-peer && ip link set to-peer up
  ip -n peer link set eth0 up
  for address in ${ALLOWED} ${BLOCKED}; do ip -n peer address add $address/24 dev eth0; done
  systemd-run --quiet --property=NetworkNamespacePath=/run/netns/peer socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'echo hello'`;

describe("on a kernel of its own", { skip: (await noVirtualMachine()) ?? false }, () => {
  let host: Supervised<VirtualMachine>;
  const patiently = { deadlineMs: 60_000 };
  const detail = async (name: Name): Promise<InstanceDetail> => {
    const url = `http://localhost/v1/instances/${name}`;
    const argv = ["curl", "--silent", "--fail", "--unix-socket", `${RUNTIME_DIR}/status.sock`, url];
    return Value.Parse(InstanceDetail, JSON.parse((await host.machine.exec(argv)).stdout));
  };
  const untilUsage = async (what: string, name: Name, holds: (usage: InstanceDetail["usage"]) => boolean) =>
    await host.machine.waitFor(
      `${what} of ${name}`,
      async (saw) => {
        const { usage } = await detail(name);
        saw(usage);
        return holds(usage) && usage;
      },
      patiently,
    );
  /** Sends a worker shell text, and says how that ended; does not wait for it when `wait` is false. */
  const ask = async (name: Name, script: string, path = "/", wait = true): Promise<string> => {
    const limit = wait ? [] : ["--max-time", "1"];
    const argv = ["curl", "--silent", ...limit, "--data-binary", "@-", `http://127.0.0.1:${PORTS[name]}${path}`];
    return (await host.machine.exec(argv, { input: script, check: wait })).stdout;
  };
  const cgroup = async (name: Name, file: string): Promise<string> => {
    const unit = `/sys/fs/cgroup/opencode.slice/${sliceUnit(name)}/${mainUnit(name)}`;
    return (await host.machine.readFile(`${unit}/${file}`)).trim();
  };
  const untilSaid = async (what: string, query: Parameters<VirtualMachine["journal"]>[0]) =>
    await host.machine.waitFor(what, async () => (await host.machine.journal(query)).at(-1)?.MESSAGE, patiently);
  const eventOf = (name: Name, state: string) => ({
    unit: SUPERVISOR_UNIT,
    matches: [`MESSAGE_ID=${EVENTS.state.id}`, `OPENCODE_INSTANCE=${name}`, `OPENCODE_STATE=${state}`],
  });
  const kernelSays = (grep: string) => ({ matches: ["_TRANSPORT=kernel"], grep });

  before(async () => {
    host = await Supervised.on(await VirtualMachine.up(console.error));
    await host.machine.sh(PEER);
    await host.write(INSTANCES);
    for (const name of SERVERS) {
      await host.machine.writeFile(`/srv/${name}/server.mjs`, name === "isolated" ? PROBE_SERVER : WORKER);
    }
    await host.systemctl("start", "opencode.target");
    for (const name of SERVERS) await host.until(name, "ready");
  });
  after(async () => {
    await host?.down();
  });

  it("what it may use is in its cgroup, and what it uses is in the status", async () => {
    assert.equal(await cgroup("eater", "memory.max"), String(MEMORY_MAX * MIB));
    assert.equal(await cgroup("eater", "cpu.max"), "150000 100000");
    assert.equal(await cgroup("forker", "pids.max"), String(TASKS_MAX));
    assert.equal(await ask("forker", BUSY), "124");
    assert.match(await cgroup("forker", "cpu.stat"), /^nr_throttled [1-9]/m);
    const total = Number(/MemTotal: +(\d+)/.exec(await host.machine.readFile("/proc/meminfo"))?.[1]) * 1024;
    const half = Number(await cgroup("calm", "memory.max"));
    assert.ok(Math.abs(half / total - 0.5) < 0.05, `50% of ${total} is ${half}`);

    const current = Number(await cgroup("calm", "memory.current"));
    const { memoryBytes, oomKills, tasksRefused } = (await detail("calm")).usage;
    assert.ok(current > 8 * MIB && current < half, `a server of Node's with ${current} bytes`);
    assert.ok(memoryBytes !== null && memoryBytes > current / 2 && memoryBytes < current * 2, `${memoryBytes}`);
    assert.deepEqual([oomKills, tasksRefused], [0, 0]);
    await host.machine.waitFor("the same number of tasks", async () => {
      const { tasks } = (await detail("calm")).usage;
      return tasks !== null && tasks > 1 && String(tasks) === (await cgroup("calm", "pids.current"));
    });
  });

  it("setup that takes too much fails, and says for want of what", async () => {
    const { why, lastExit } = await host.until("setup-eater", "failed");
    assert.match(why ?? "", /^setup failed: killed for want of memory \(limits\.memoryMax\); mend it/);
    assert.equal(lastExit, "killed for want of memory (limits.memoryMax)");
    assert.equal(await host.show(setupUnit("setup-eater"), "Result"), "oom-kill");
    assert.match(await untilSaid("the event", eventOf("setup-eater", "failed")), /killed for want of memory/);
  });

  it("a program of an agent's that takes too much is killed, and the server that started it stays", async () => {
    const [pid] = await host.pids("eater");
    assert.equal(await ask("eater", `exec ${GREEDY}`), "SIGKILL");
    await untilUsage("a kill", "eater", ({ oomKills }) => oomKills === 1);
    const { pid: still, restarts } = await host.until("eater", "ready");
    assert.deepEqual([still, restarts], [pid, 0]);
    assert.match((await host.cli("show", "eater")).stdout, /killed for want of memory \(limits\.memoryMax\): 1/);
    assert.ok(Number(await host.show(mainUnit("eater"), "MemoryPeak")) > 0.9 * MEMORY_MAX * MIB);
    await untilSaid("the kernel's word", kernelSays("Memory cgroup out of memory: Killed process .*tail"));
    await untilSaid("systemd's word", { unit: mainUnit("eater"), grep: "killed by the OOM killer" });
  });

  it("a server that takes too much itself is killed, says so, and comes back; nobody else is touched", async () => {
    const others = await host.pids("calm", "eater", "isolated");
    const [pid] = await host.pids("grower");
    await ask("grower", "", "/grow", false);
    const again = await host.until("grower", "ready", (status) => status.restarts === 1 && status.pid !== pid);
    assert.equal(again.lastExit, null);
    const said = await untilSaid("the event", eventOf("grower", "backing-off"));
    assert.match(said, /the server failed: killed by signal 9; one of its processes was killed for want of memory/);
    assert.equal((await detail("grower")).usage.oomKills, 1);
    assert.deepEqual(await host.pids("calm", "eater", "isolated"), others);
  });

  it("a fork bomb stops at the limit, the neighbour answers, and a restart ends it", async () => {
    const [pid, calm] = await host.pids("forker", "calm");
    await ask("forker", FORK_BOMB, "/", false);
    await untilUsage("a full house", "forker", (usage) => usage.tasks === TASKS_MAX && (usage.tasksRefused ?? 0) > 0);
    await untilSaid("the kernel's word", kernelSays(`fork rejected by pids controller in .*/${mainUnit("forker")}`));
    assert.match((await host.cli("show", "forker")).stdout, /tasks refused \(limits\.tasksMax\): \d/);
    assert.equal(await ask("calm", "exit 7"), "7");
    await host.cli("restart", "forker");
    await host.until("forker", "ready", (status) => status.pid !== null && status.pid !== pid);
    await untilUsage("calm", "forker", ({ tasks }) => tasks !== null && tasks < TASKS_MAX);
    assert.deepEqual(await host.pids("calm"), [calm]);
  });

  it("the packet filter of this kernel holds, also when somebody flushes it, and the journal names what it refused", async () => {
    const tries = async (...targets: string[]): Promise<string[]> => {
      const url = `http://127.0.0.1:${PORTS.isolated}/${encodeURIComponent(JSON.stringify(targets))}`;
      const { stdout } = await host.machine.exec(["curl", "--silent", url]);
      return Value.Parse(Type.Array(Type.String()), JSON.parse(stdout));
    };
    const both = [`tcp ${ALLOWED} 80`, `tcp ${BLOCKED} 80`];
    assert.deepEqual(await tries(...both), ["ok", "EHOSTUNREACH"]);
    await host.machine.sh("nft flush ruleset");
    assert.match((await host.machine.exec(["nft", "list", "table", ...TABLE.split(" ")])).stdout, /owner,persist/);
    assert.deepEqual(await tries(...both), ["ok", "EHOSTUNREACH"]);
    await untilSaid("the kernel's word", kernelSays(`opencode-isolated-blocked: .*DST=${BLOCKED} `));
    const refused = {
      unit: SUPERVISOR_UNIT,
      matches: ["OPENCODE_INSTANCE=isolated", `OPENCODE_DESTINATION=${BLOCKED}`],
    };
    assert.match(await untilSaid("the event", refused), /isolated/);
  });
});
