/**
 * What the rules cost packets: CPU time of an operation, against the same without rules but with connection tracking on. All
 * lanes (see lanes.ts) take turns in short slices of one run; a lane that is like the one compared with shows what is noise.
 * In namespaces of its own; the other end of each cable is another network namespace.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entriesText, putText } from "../src/netpolicy/instance.ts";
import { cgroupOf, gateAt } from "../src/netpolicy/names.ts";
import { tableText } from "../src/netpolicy/table.ts";
import { isolated } from "../src/netpolicy/testing.ts";
import { type Kind, Lane, PEER } from "./lanes.ts";
import { isInside, runInside } from "./namespaces.ts";
import { median, ratios } from "./numbers.ts";

const SLICE_MS = 20;
/** Connects vary far more than packets do: there is more to be had the median of. */
const ROUNDS: Readonly<Record<Kind, number>> = { tcp: 300, udp: 60 };
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
const networks = (index: number): string[] => [...upTo(CIDRS - 1).map((nth) => `10.${index % 250}.${nth}.0/24`), PEER];

/** A rule that no packet ever meets: with it, connections are tracked. */
const TRACKING = "add table inet tracking\nadd chain inet tracking c\nadd rule inet tracking c ct state new\n";

function ours(size: number): string {
  const ids = { gate: statSync(`${ROOT}/${gate.cgroup}`, { bigint: true }).ino, supervisor: 0n };
  const policies = upTo(size).map((index) => isolated(name(index), { allow: { v4: networks(index), v6: [] } }));
  return [
    tableText({ persist: false, tells: true }, gate, ids),
    ...policies.map((policy, index) => putText(policy, index + 1)),
    entriesText(
      gate,
      policies.map((policy, index) => ({ name: policy.name, slot: index + 1 })),
    ),
  ].join("");
}

/** A rule for each user and network, tried one after the other. */
function linear(size: number): string {
  const rules = upTo(size).flatMap((index) => {
    const user = `meta skuid ${FIRST_UID + index}`;
    return [...networks(index).map((network) => `${user} ip daddr ${network} accept`), `${user} counter drop`];
  });
  const all = ["oif lo accept", "ct state established accept", ...rules].map(
    (rule) => `add rule inet linear out ${rule}`,
  );
  return `add table inet linear\nadd chain inet linear out { type filter hook output priority 0; }\n${all.join("\n")}\n`;
}

const at = (values: readonly number[], part: number): string =>
  (values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN).toFixed(3);

type Times = ReadonlyMap<string, readonly number[]>;

/** Nanoseconds an operation, by lane and run: in each round every lane once, and not always in the same order. */
async function measure(
  lanes: ReadonlyMap<string, Lane>,
  from: string,
  kind: Kind,
  rounds = ROUNDS[kind],
): Promise<Times> {
  const times = new Map([...lanes.keys()].map((each): [string, number[]] => [each, []]));
  for (const lane of lanes.values()) await lane.slice(from, kind, SLICE_MS);
  const order = [...lanes];
  for (let round = 0; round < rounds; round++) {
    for (const [each, lane] of order) times.get(each)?.push(await lane.slice(from, kind, SLICE_MS));
    order.push(...order.splice(0, 1));
  }
  return times;
}

function report(times: Times, base: string, what: (lane: string) => string, floor?: number): void {
  const without = times.get(base) ?? [];
  for (const [lane, own] of times) {
    if (lane === base) continue;
    const of = ratios(without, own);
    const bound = lane === "again" || floor === undefined ? "" : floor.toFixed(2);
    const missed = bound !== "" && median(of) < Number(bound) ? " **missed**" : "";
    console.log(
      `| ${what(lane)} | ${lane} | ${median(of).toFixed(3)} (${at(of, 0.25)}–${at(of, 0.75)}) | ${bound}${missed} | ${Math.round(median(own)).toLocaleString("en")} ns |`,
    );
  }
}

async function bench(): Promise<void> {
  const load = join(mkdtempSync(join(tmpdir(), "egress-bench-")), "load");
  execFileSync("cc", ["-O2", "-o", load, join(import.meta.dirname, "load.c")]);
  const cgroups = ["elsewhere", ...upTo(Math.max(...SIZES)).map((index) => cgroupOf(gate, name(index)))];
  for (const cgroup of cgroups) mkdirSync(`${ROOT}/${cgroup}`, { recursive: true });
  const outside = { procs: `${ROOT}/elsewhere/cgroup.procs` };
  const inside = (size: number) => ({ procs: `${ROOT}/${cgroupOf(gate, name(size - 1))}/cgroup.procs` });
  const lanes = new Map<string, Lane>();
  try {
    const add = async (lane: string, rules: string, size = 1, senders = { outside, inside: inside(size) }) =>
      lanes.set(lane, await Lane.up(load, senders, rules));
    await add("tracked", TRACKING);
    await add("again", TRACKING);
    for (const size of SIZES) await add(String(size), ours(size), size);
    console.log(
      "| from, work | instances | of what it is without rules (middle half) | floor | CPU time each |\n| --- | --- | --- | --- | --- |",
    );
    for (const from of ["outside", "inside"]) {
      for (const kind of KINDS)
        report(await measure(lanes, from, kind), "tracked", () => `${from}, ${kind}`, FLOOR[`${from} ${kind}`]);
    }
    const base = lanes.get("tracked");
    const nothing = await Lane.up(load, { outside, inside: outside }, "");
    lanes.set("nothing", nothing);
    if (base === undefined) return;
    for (const kind of KINDS) {
      const times = await measure(new Map([["nothing", nothing] as const, ["-", base] as const]), "outside", kind);
      report(times, "nothing", () => `tracking itself, ${kind}`);
    }
    for (const size of [10, 200]) {
      const senders = { outside, inside: { ...outside, uid: FIRST_UID + size - 1 } };
      await add(`linear ${size}`, linear(size), size, senders);
      const pair = new Map([...lanes].filter(([lane]) => ["tracked", `linear ${size}`].includes(lane)));
      for (const from of ["outside", "inside"])
        report(await measure(pair, from, "udp", 5), "tracked", () => `rules by user, ${from}, udp`);
    }
  } finally {
    for (const lane of lanes.values()) lane.down();
  }
}

/** `npm run bench -- egress-data`. */
export const egressData = (): Promise<string> => runInside(import.meta.filename);

if (isInside) await bench();
