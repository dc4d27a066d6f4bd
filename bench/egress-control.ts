/**
 * What policies cost to change and to watch: in namespaces of its own.
 *   - one instance among 500 added, changed, removed: the whole call, libnftables included, and the kernel's part of it
 *   - all of 500 put back after a flush: from the foreign hand to read back
 *   - 50,000 refused datagrams: counted exactly, by destination and in all
 *   - 10,000 refused datagrams a second: CPU of the daemon's part, its lines and the kernel's
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Egress } from "../src/daemon/egress/egress.ts";
import { LibnftablesNetfilter } from "../src/daemon/netfilter/libnftables.ts";
import { FakeSystemd } from "../src/daemon/systemd/fake.ts";
import { cgroupOf, gateAt } from "../src/netpolicy/names.ts";
import { isolated } from "../src/netpolicy/testing.ts";
import { KernelTime } from "./kernel-time.ts";
import { isInside, runInside } from "./namespaces.ts";
import { median } from "./numbers.ts";

const SECONDS = 60;
const INSTANCES = 500;
const RUNS = 9;
const gate = gateAt();
const pathOf = (name: string): string => `/sys/fs/cgroup/${cgroupOf(gate, name)}`;
const name = (index: number): string => `i${index}`;
const policy = (index: number, last = 1) =>
  isolated(name(index), {
    allow: { v4: Array.from({ length: 20 }, (_, nth) => `10.${index % 250}.${nth}.${last}`), v6: [] },
  });
const row = (what: string, measured: string, allowed = "", holds = true): void => {
  console.log(`| ${what} | ${measured} | ${allowed}${holds ? "" : " **missed**"} |`);
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function bench(): Promise<void> {
  const awake = setInterval(() => {}, 1000); // everything that is waited for lets the process end
  const load = join(mkdtempSync(join(tmpdir(), "egress-bench-")), "load");
  execFileSync("cc", ["-O2", "-o", load, join(import.meta.dirname, "load.c")]);
  for (let index = 0; index <= INSTANCES; index++) mkdirSync(pathOf(name(index)), { recursive: true });
  const netfilter = await LibnftablesNetfilter.open();
  let lines = 0;
  let repaired: (took: number) => void = () => {};
  const egress = new Egress(netfilter, new FakeSystemd(), {
    refused: () => void lines++,
    repaired: ({ took }) => repaired(took),
    unobserved: () => {},
  });
  const put = (...indices: number[]) => Promise.all(indices.map((index) => egress.put(policy(index))));
  const all = Array.from({ length: INSTANCES }, (_, index) => index);

  console.log("| what | measured | may be |\n| --- | --- | --- |");
  row(`${INSTANCES} instances put at once`, `${Math.round(await timed(() => put(...all)))} ms`);
  const commit = (change: Parameters<typeof netfilter.commit>[0]) => timed(() => netfilter.commit(change));
  const STEPS: readonly (readonly [what: string, step: (run: number) => Promise<number>])[] = [
    ["added", () => commit({ put: [policy(INSTANCES)], remove: [] })],
    ["changed", (run) => commit({ put: [policy(INSTANCES, run + 2)], remove: [] })],
    ["removed", () => commit({ put: [], remove: [name(INSTANCES)] })],
  ];
  const runs = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) for (const [, step] of STEPS) times.push(await step(run));
    return times;
  };
  const whole = await runs();
  const watch = await KernelTime.start(`${load}.strace`);
  if (watch !== null) await runs();
  const kernel = (await watch?.end()) ?? [];
  for (const [index, [what]] of STEPS.entries()) {
    const of = (times: readonly number[]) => times.filter((_, nth) => nth % STEPS.length === index);
    const text = (times: readonly number[]) => `${Math.min(...times).toFixed(1)}, ${median(times).toFixed(1)} ms`;
    row(`one among ${INSTANCES} ${what}: least, p50`, text(of(whole)));
    if (kernel.length !== whole.length) row("… of it in the kernel", `not measured: ${kernel.length} batches seen`);
    else row("… of it in the kernel", text(of(kernel)), "10 ms", median(of(kernel)) <= 10);
  }

  const took = new Promise<number>((resolve) => {
    repaired = resolve;
  });
  const flushed = performance.now();
  execFileSync("nft", ["flush", "ruleset"]);
  if (netfilter.features.persist) row("flush ruleset", "passes an owned table by");
  else
    row(
      `${INSTANCES} policies put back after \`flush ruleset\``,
      `${await took} ms; ${Math.round(performance.now() - flushed)} ms with nft itself`,
      "1000 ms",
      performance.now() - flushed < 1000,
    );

  await new Promise((resolve) => setTimeout(resolve, 1500));
  const drop = (count: number, perSecond: number) =>
    once(
      spawn(load, ["drop", "127.0.0.1", "9", String(count), String(perSecond), `${pathOf(name(7))}/cgroup.procs`], {
        stdio: "inherit",
      }),
      "exit",
    );
  const total = async () => (await netfilter.refused()).get(name(7)) ?? 0n;
  const before = await total();
  await drop(50_000, 0);
  const destinations = (await netfilter.destinations(name(7))).reduce((sum, { packets }) => sum + packets, 0n);
  const counted = (await total()) - before;
  row(
    "50,000 refused",
    `${counted} in all, ${destinations} by destination`,
    "50000, 50000",
    counted === 50_000n && destinations === 50_000n,
  );

  const kernelLines = () =>
    Number(execFileSync("sh", ["-c", `dmesg | grep -c "opencode-${name(7)}-blocked" || true`], { encoding: "utf8" }));
  const [said, logged, cpu] = [lines, kernelLines(), process.cpuUsage()];
  const started = performance.now();
  await drop(10_000 * SECONDS, 10_000);
  const { user, system } = process.cpuUsage(cpu);
  const share = (user + system) / 1000 / (performance.now() - started);
  const most = 5 + Math.ceil((5 * SECONDS) / 60);
  const seen = kernelLines() - logged;
  row(`10,000 a second for ${SECONDS} s: kernel lines`, String(seen), `${most}`, seen <= most);
  row("the same: the daemon's lines", String(lines - said), `${most + Math.ceil(SECONDS / 60) * 11}`);
  row("the same: the daemon's CPU", `${(100 * share).toFixed(2)} % of a core`, "2 %", share < 0.02);

  clearInterval(awake);
  egress.close();
  await netfilter.destroy();
  netfilter.close();
  for (let index = 0; index <= INSTANCES; index++) rmdirSync(pathOf(name(index)));
}

/** `npm run bench -- egress-control`. */
export const egressControl = (): Promise<string> => runInside(import.meta.filename);

if (isInside) await bench();
