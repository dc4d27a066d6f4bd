/**
 * What looking at 500 ready servers costs the daemon: its own code (pulse.ts, judge.ts, watch.ts) against servers in
 * another process. Processor time a look, and from that and from the interval at which one that stays well is looked at the
 * share of a core; then the same as it is at rest, over half a minute.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { FIRST, judge, spaced } from "../src/daemon/health/judge.ts";
import { pulseOf } from "../src/daemon/health/pulse.ts";
import { TICK_MS, ticks } from "../src/daemon/health/ticks.ts";
import { cgroupRoot } from "../testbed/host.ts";
import { kept, spread, table } from "./numbers.ts";

const COUNT = 500;
const FIRST_PORT = 21_000;
const ROUNDS = 10;
const AT_REST_MS = 30_000;
const MOST_PERCENT = 1;
const PATIENCE_MS = 5000;

const SERVERS = `
const answer = Buffer.from('HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n{"healthy":true,"version":"0"}');
for (let n = 0; n < ${COUNT}; n++)
  require("net").createServer((s) => s.on("error", () => {}).on("data", () => s.end(answer))).listen(${FIRST_PORT} + n, "127.0.0.1");
require("net").createServer().listen(${FIRST_PORT + COUNT}, "127.0.0.1", () => console.log("up"));
`;

/** Seconds of processor time of this process. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Milliseconds between two looks at one that stays well. */
function restingInterval(): number {
  let course = FIRST;
  for (let n = 0; n < 100; n++) course = judge(course, { kind: "alive" }).course;
  return spaced(course, COUNT);
}

export async function probing(): Promise<string> {
  const child = spawn(process.execPath, ["-e", SERVERS], { stdio: ["ignore", "pipe", "inherit"] });
  const cgroup = `${cgroupRoot()}/opencode-bench-${process.pid}`;
  mkdirSync(cgroup);
  writeFileSync(`${cgroup}/cgroup.procs`, String(child.pid));
  await once(child.stdout, "data");
  try {
    const secrets = async () => ({ password: "secret", controlGroup: cgroup.replace("/sys/fs/cgroup", "") });
    const looks = Array.from({ length: COUNT }, (_, n) =>
      pulseOf({ address: "127.0.0.1", port: FIRST_PORT + n, secrets }),
    );
    const all = () => Promise.all(looks.map((look) => look(PATIENCE_MS)));
    // Whose the sockets are is found out for all of them together: the kernel is asked once.
    for (const { kind } of await all()) if (kind !== "alive") throw new Error(`a server is ${kind}`);
    const each: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = cpu();
      await all();
      each.push(((cpu() - before) / COUNT) * 1e6);
    }
    const interval = restingInterval();
    const shares = each.map((microseconds) => ((microseconds * COUNT) / (interval * 1000)) * 100);
    const rest = await atRest(looks, interval);
    return table([
      ["probing 500 ready servers", "median (spread)", `most ${MOST_PERCENT} %`],
      ["processor time a look, all at once", spread(each, 0, "µs"), ""],
      [`of a core, each every ${interval / 1000} s`, spread(shares, 2, "%"), kept(shares, MOST_PERCENT)],
      [`of a core, measured for ${AT_REST_MS / 1000} s`, spread([rest], 2, "%"), kept([rest], MOST_PERCENT)],
    ]);
  } finally {
    child.kill();
    await once(child, "exit");
    rmdirSync(cgroup);
  }
}

/** Per cent of a core, with the looks spread over the interval as they are in the daemon; timers included. */
async function atRest(looks: readonly ((patienceMs: number) => Promise<unknown>)[], interval: number): Promise<number> {
  const end = performance.now() + AT_REST_MS;
  const before = cpu();
  const pause = ticks(TICK_MS);
  const alive = setInterval(() => undefined, AT_REST_MS); // the pauses do not keep the process
  await Promise.all(
    looks.map(async (look) => {
      for (let next = Math.random() * interval; performance.now() + next < end; next = interval) {
        await pause(next);
        await look(PATIENCE_MS);
      }
    }),
  );
  clearInterval(alive);
  return ((cpu() - before) / (AT_REST_MS / 1000)) * 100;
}

if (import.meta.main) console.log(await probing());
