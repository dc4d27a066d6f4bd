/**
 * What the rules cost packets: work per CPU-second of the sender, against
 * the same without rules but with connection tracking on, in turns within one run; the median of the ratios. Runs in namespaces
 * of its own; the other end of the cable is another network namespace.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Nft } from "nftables-napi";
import { LibnftablesNetfilter } from "../src/daemon/netfilter/libnftables.ts";
import { cgroupOf, gateAt } from "../src/netpolicy/names.ts";
import { isolated } from "../src/netpolicy/testing.ts";
import { isInside, runInside } from "./namespaces.ts";

const MS = "300";
const ROUNDS = 5;
const SIZES = [1, 10, 100, 500] as const;
const CIDRS = 20;
const [OWN, PEER, PORT] = ["192.0.2.1", "192.0.2.2", "8080"];
const FIRST_UID = 30_000;
const gate = gateAt();
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** What each row may fall to. */
const FLOOR: Readonly<Record<string, number>> = {
  "outside tcp": 0.97,
  "outside udp": 0.97,
  "inside tcp": 0.93,
  "inside udp": 0.85,
};

const cidrs = (index: number): string[] => [
  ...Array.from({ length: CIDRS - 1 }, (_, nth) => `10.${index % 250}.${nth}.0/24`),
  `${PEER}/32`,
];
const name = (index: number): string => `i${index}`;

async function cable(load: string): Promise<ChildProcess> {
  const server = spawn("unshare", ["--net", "--", "sh", "-c", `read go; exec ${load} serve ${PEER} ${PORT}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise((resolve) => setTimeout(resolve, 200)); // unshare is in its namespace
  const ip = (...args: string[]) => execFileSync("ip", args);
  const peer = (...args: string[]) => execFileSync("nsenter", ["-t", String(server.pid), "-n", "--", "ip", ...args]);
  ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", String(server.pid));
  ip("address", "add", `${OWN}/24`, "dev", "eth0");
  ip("link", "set", "eth0", "up");
  peer("address", "add", `${PEER}/24`, "dev", "eth0");
  peer("link", "set", "eth0", "up");
  server.stdin.write("\n");
  await once(server.stdout, "data");
  return server;
}

interface Rules {
  load(): Promise<void>;
  unload(): Promise<void>;
}

async function bench(): Promise<void> {
  const load = join(mkdtempSync(join(tmpdir(), "egress-bench-")), "load");
  execFileSync("cc", ["-O2", "-o", load, join(import.meta.dirname, "load.c")]);
  const server = await cable(load);
  const nft = new Nft();
  const run = (text: string): void => {
    const { error } = nft.run(text);
    if (error !== "") throw new Error(error);
  };
  /** A rule that no packet ever meets: with it, connections are tracked. */
  const tracked = {
    load: async () => run("add table inet tracking\nadd chain inet tracking c\nadd rule inet tracking c ct state new"),
    unload: async () => run("delete table inet tracking"),
  };
  const nothing: Rules = { load: async () => {}, unload: async () => {} };

  const outside = "/sys/fs/cgroup/elsewhere";
  mkdirSync(outside, { recursive: true });
  const last = Math.max(...SIZES) - 1;
  for (let index = 0; index <= last; index++)
    mkdirSync(`/sys/fs/cgroup/${cgroupOf(gate, name(index))}`, { recursive: true });

  /** Operations per CPU-second. */
  const measure = (kind: string, cgroup: string, uid: number): number => {
    const out = execFileSync(load, [kind, PEER, PORT, MS, String(uid), `${cgroup}/cgroup.procs`], { encoding: "utf8" });
    const [done = 0, cpu = 1] = out.trim().split(" ").map(Number);
    return done / (cpu / 1e6);
  };
  const ours = (size: number): Rules => {
    let netfilter: LibnftablesNetfilter;
    return {
      load: async () => {
        netfilter = await LibnftablesNetfilter.open();
        await netfilter.adopt(gate);
        const split = (index: number) => ({ v4: cidrs(index).map((each) => each.replace("/32", "")), v6: [] });
        await netfilter.commit({
          put: Array.from({ length: size }, (_, index) => isolated(name(index), { allow: split(index) })),
          remove: [],
        });
      },
      unload: async () => {
        await netfilter.destroy();
        netfilter.close();
      },
    };
  };
  const linear = (size: number): Rules => ({
    load: async () => {
      const rules = Array.from({ length: size }, (_, index) => [
        ...cidrs(index).map(
          (cidr) => `add rule inet linear out meta skuid ${FIRST_UID + index} ip daddr ${cidr} accept`,
        ),
        `add rule inet linear out meta skuid ${FIRST_UID + index} counter drop`,
      ]).flat();
      run(
        `add table inet linear\nadd chain inet linear out { type filter hook output priority 0; }\nadd rule inet linear out oif lo accept\nadd rule inet linear out ct state established accept\n${rules.join("\n")}`,
      );
    },
    unload: async () => run("delete table inet linear"),
  });
  /** Ratio to `base`, measured in turns. */
  const compare = async (rules: Rules, base: Rules, kind: string, cgroup: string, uid: number, rounds = ROUNDS) => {
    const ratios: number[] = [];
    let rate = 0;
    for (let round = 0; round < rounds; round++) {
      await base.load();
      const without = measure(kind, cgroup, uid);
      await base.unload();
      await rules.load();
      rate = measure(kind, cgroup, uid);
      await rules.unload();
      ratios.push(rate / without);
    }
    return { ratio: median(ratios), rate };
  };
  const row = (
    what: string,
    size: number | string,
    { ratio, rate }: { ratio: number; rate: number },
    floor?: number,
  ) => {
    const low = floor !== undefined && ratio < floor;
    console.log(
      `| ${what} | ${size} | ${ratio.toFixed(3)} | ${floor?.toFixed(2) ?? ""}${low ? " **missed**" : ""} | ${Math.round(rate).toLocaleString("en")} |`,
    );
  };

  console.log(
    "| from, work | instances | of what it is without rules | floor | per CPU-second |\n| --- | --- | --- | --- | --- |",
  );
  for (const kind of ["tcp", "udp"])
    row(`tracking itself, ${kind}`, "-", await compare(tracked, nothing, kind, outside, 0));
  for (const size of SIZES) {
    const inside = `/sys/fs/cgroup/${cgroupOf(gate, name(size - 1))}`;
    for (const [from, cgroup] of [
      ["outside", outside],
      ["inside", inside],
    ] as const) {
      for (const kind of ["tcp", "udp"]) {
        row(`${from}, ${kind}`, size, await compare(ours(size), tracked, kind, cgroup, 0), FLOOR[`${from} ${kind}`]);
      }
    }
  }
  for (const size of [10, 200]) {
    for (const [from, uid] of [
      ["outside", 0],
      ["inside", FIRST_UID + size - 1],
    ] as const) {
      row(`linear rules by user, ${from}, udp`, size, await compare(linear(size), tracked, "udp", outside, uid, 1));
    }
  }
  server.kill("SIGKILL");
}

/** `npm run bench -- egress-data`. */
export const egressData = (): Promise<string> => runInside(import.meta.filename);

if (isInside) await bench();
