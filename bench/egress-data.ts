/**
 * What the rules cost packets: CPU time of an operation, against the same without rules but with connection tracking on, in
 * namespaces of its own. On one host rulesets take turns (see lanes.ts), in each round all of them once and in an order by lot.
 *
 * A turn is many slices of a millisecond or two, and counts for the lower quartile of them: what else a shared processor does
 * only ever adds time, and the least of all is luck. What a row says is the median, over the rounds, of how that compares with
 * the turn of the same round without rules: what changes within seconds falls on both. This was chosen among quartiles, least
 * values and means, over turns, rounds and all slices together, by which of them has two rulesets that are the same (`again`)
 * come out as the same.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { normalise } from "../src/netpolicy/cidr.ts";
import { entriesText, putText } from "../src/netpolicy/instance.ts";
import { cgroupOf, gateAt, TABLE } from "../src/netpolicy/names.ts";
import { tableText } from "../src/netpolicy/table.ts";
import { isolated } from "../src/netpolicy/testing.ts";
import { dormant, Host, type Kind, type Lane, nft, type Sender } from "./lanes.ts";
import { isInside, runInside } from "./namespaces.ts";
import { median, quantile, ratios } from "./numbers.ts";

/** How much of one kind of work is measured. */
interface Amount {
  readonly rounds: number;
  /** Slices a turn; the first is for warming up. */
  readonly slices: number;
  /** Operations a slice. */
  readonly operations: number;
}
const { ROUNDS } = process.env;
const AMOUNTS: Readonly<Record<Kind, Amount>> = {
  tcp: { rounds: Number(ROUNDS ?? 75), slices: 21, operations: 50 },
  udp: { rounds: Number(ROUNDS ?? 40), slices: 21, operations: 400 },
};
/** Rules one after the other take so long that little of it says enough. */
const LITTLE: Amount = { rounds: 5, slices: 6, operations: 20 };
const SIZES = [1, 10, 100, 500] as const;
const KINDS: readonly Kind[] = ["tcp", "udp"];
const CIDRS = 20;
const FIRST_UID = 30_000;
const ROOT = "/sys/fs/cgroup";
const gate = gateAt();

/** What each row may fall to. */
const FLOOR: Readonly<Record<string, number>> = {
  "outside tcp": 0.97,
  "outside udp": 0.97,
  "inside tcp": 0.93,
  "inside udp": 0.85,
};

const name = (index: number): string => `i${index}`;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const MOST = Math.max(...SIZES);
/** The peer is in one of the many. */
const networks = (index: number): string[] => [
  "198.51.100.7",
  ...upTo(CIDRS - 2).map((nth) => `10.${index % 250}.${nth}.0/24`),
  "192.0.2.0/24",
];
/** As many, with prefixes of six lengths. */
const mixed = (index: number): string[] =>
  networks(index).map((each, nth) => each.replace(/0\/24$/, `0/${24 + (nth % 6)}`));

/** A rule that no packet ever meets: with it, connections are tracked. */
const tracking = (table: string) => `add table ${table}\nadd chain ${table} c\nadd rule ${table} c ct state new\n`;

/** The last of them has the same name, whatever the size: the same process sends in every lane. */
function ours(size: number, table: string, allowed = networks): string {
  const ids = { gate: statSync(`${ROOT}/${gate.cgroup}`, { bigint: true }).ino, supervisor: 0n };
  const policies = upTo(size).map((nth) => {
    const index = MOST - size + nth;
    return isolated(name(index), { allow: normalise(allowed(index)) });
  });
  const text = [
    tableText({ persist: false, tells: true }, gate, ids),
    ...policies.map((policy, index) => putText(policy, index + 1)),
    entriesText(
      gate,
      policies.map((policy, index) => ({ name: policy.name, slot: index + 1 })),
    ),
  ].join("");
  return text.replaceAll(TABLE, table);
}

/** A rule for each user and network, tried one after the other. */
function linear(size: number, table: string): string {
  const rules = upTo(size).flatMap((index) => {
    const user = `meta skuid ${FIRST_UID + index}`;
    return [...networks(index).map((network) => `${user} ip daddr ${network} accept`), `${user} counter drop`];
  });
  const all = ["oif lo accept", "ct state established accept", ...rules].map((rule) => `add rule ${table} out ${rule}`);
  return `add table ${table}\nadd chain ${table} out { type filter hook output priority 0; }\n${all.join("\n")}\n`;
}

type Lanes = ReadonlyMap<string, Lane>;
/** Nanoseconds an operation, by lane and round. */
type Times = ReadonlyMap<string, readonly number[]>;

const shuffled = <T>(values: readonly T[]): T[] =>
  values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);

async function measure(lanes: Lanes, sender: Sender, kind: Kind, amount = AMOUNTS[kind]): Promise<Times> {
  const times = new Map([...lanes.keys()].map((lane): [string, number[]] => [lane, []]));
  for (let round = 0; round < amount.rounds; round++) {
    for (const [lane, { on, off }] of shuffled([...lanes])) {
      nft(on);
      const [, ...slices] = await sender.slices(kind, amount.slices, amount.operations);
      times.get(lane)?.push(quantile(slices, 0.25));
      nft(off);
    }
  }
  return times;
}

/** Standard error of the median of what is spread like this; the middle half of a normal distribution is 1.35 σ wide. */
const error = (values: readonly number[]): number =>
  ((quantile(values, 0.75) - quantile(values, 0.25)) / 1.35) * (1.25 / Math.sqrt(values.length));

function report(times: Times, base: string, what: string, floor?: number): string[] {
  const without = times.get(base) ?? [];
  return [...times].flatMap(([lane, own]) => {
    if (lane === base) return [];
    const of = ratios(without, own);
    const bound = floor !== undefined && /^\d+$/.test(lane) ? floor.toFixed(2) : "";
    const missed = bound !== "" && median(of) < Number(bound) ? " **missed**" : "";
    const ns = Math.round(median(own)).toLocaleString("en");
    return [
      `| ${what} | ${lane} | ${median(of).toFixed(3)} ± ${error(of).toFixed(3)} | ${bound}${missed} | ${ns} ns |`,
    ];
  });
}

const HEAD = `| from, work | instances | of what it is without rules | floor | CPU time each |\n| --- | --- | --- | --- | --- |`;

/** Everything that is on the host keeps connection tracking on, so what that costs is measured before anything is. */
async function trackingRows(outside: Sender): Promise<string[]> {
  const table = "inet briefly";
  const lanes = new Map([
    ["nothing", { on: "", off: "" }],
    ["-", { on: tracking(table), off: `delete table ${table}\n` }],
  ]);
  const rows: string[] = [];
  for (const kind of KINDS)
    rows.push(...report(await measure(lanes, outside, kind), "nothing", `tracking itself, ${kind}`));
  return rows;
}

async function oursRows(base: Lane, senders: ReadonlyMap<string, Sender>): Promise<string[]> {
  const lanes = new Map([["tracked", base]]);
  const add = (lane: string, table: string, text: string) => lanes.set(lane, dormant(table, text));
  add("again", "inet again", tracking("inet again"));
  for (const size of SIZES) add(String(size), `${TABLE}_${size}`, ours(size, `${TABLE}_${size}`));
  add("1, mixed prefixes", `${TABLE}_mixed`, ours(1, `${TABLE}_mixed`, mixed));
  const rows: string[] = [];
  for (const [from, sender] of senders) {
    for (const kind of KINDS)
      rows.push(...report(await measure(lanes, sender, kind), "tracked", `${from}, ${kind}`, FLOOR[`${from} ${kind}`]));
  }
  return rows;
}

async function linearRows(host: Host, base: Lane, outside: Sender, procs: string): Promise<string[]> {
  const rows: string[] = [];
  for (const size of [10, 200]) {
    const table = `inet linear${size}`;
    const lanes = new Map([
      ["tracked", base],
      [`linear ${size}`, dormant(table, linear(size, table))],
    ]);
    const inside = host.sender({ procs, uid: FIRST_UID + size - 1 });
    for (const [from, sender] of [["outside", outside] as const, ["inside", inside] as const])
      rows.push(...report(await measure(lanes, sender, "udp", LITTLE), "tracked", `rules by user, ${from}, udp`));
  }
  return rows;
}

async function bench(): Promise<void> {
  const load = join(mkdtempSync(join(tmpdir(), "egress-bench-")), "load");
  execFileSync("cc", ["-O2", "-o", load, join(import.meta.dirname, "load.c")]);
  const cgroups = ["elsewhere", ...upTo(MOST).map((index) => cgroupOf(gate, name(index)))];
  for (const cgroup of cgroups) mkdirSync(`${ROOT}/${cgroup}`, { recursive: true });
  const procs = (cgroup: string): string => `${ROOT}/${cgroup}/cgroup.procs`;
  const host = await Host.up(load);
  try {
    const outside = host.sender({ procs: procs("elsewhere") });
    const inside = host.sender({ procs: procs(cgroupOf(gate, name(MOST - 1))) });
    const tracked = await trackingRows(outside);
    const base = dormant("inet tracking", tracking("inet tracking"));
    const senders = new Map([
      ["outside", outside],
      ["inside", inside],
    ]);
    const rows = [
      ...(await oursRows(base, senders)),
      ...tracked,
      ...(await linearRows(host, base, outside, procs("elsewhere"))),
    ];
    console.log([HEAD, ...rows].join("\n"));
  } finally {
    host.down();
  }
}

/** `npm run bench -- egress-data`; ROUNDS=10 in the environment is a quick look. */
export const egressData = (): Promise<string> => runInside(import.meta.filename);

if (isInside) await bench();
