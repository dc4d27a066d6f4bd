/** One instance's part of the table: its chains, its counters, its entries. */
import { isLoopback } from "../spec/address.ts";
import type { Networks } from "./cidr.ts";
import { anyOf, towards } from "./match.ts";
import {
  CANARY,
  CROWDED,
  cgroupOf,
  type Gate,
  GRANTED,
  hex,
  KEPT,
  MARK,
  marked,
  namesOf,
  OPEN,
  slotBits,
  TABLE,
} from "./names.ts";
import { type Logging, type Policy, policyHash } from "./policy.ts";
import { declarations } from "./table.ts";

/** Destinations remembered for each instance and family; what does not fit is still logged, counted and refused. */
const BLOCKED_MAX = 1024;

/** What is installed for an instance, as the comment on its chain's first rule says. */
export interface Installed {
  readonly hash: string;
  /** The number in its marks, from 1. */
  readonly slot: number;
}

export const policyComment = ({ hash, slot }: Installed): string => `policy ${hash} ${slot}`;

export function parsePolicyComment(comment: string | null): Installed | null {
  const [, hash, slot] = /^policy ([0-9a-f]{64}) (\d{1,5})$/.exec(comment ?? "") ?? [];
  return hash === undefined || slot === undefined ? null : { hash, slot: Number(slot) };
}

/** The port first: packets to others, which are the more, are asked nothing else. */
const toPort = (ports: readonly number[]): string => `th dport ${anyOf(ports)} meta l4proto { tcp, udp }`;

/** Of several ports the protocol comes first: that is less than a look into their set. */
const fromPort = (ports: readonly number[]): string =>
  ports.length === 1 ? `th sport ${ports[0]} meta l4proto tcp` : `tcp sport ${anyOf(ports)}`;

/**
 * A flow is met before the connection table takes it up, and once: later packets are `confirmed`. With the mark of what is kept
 * from it, the refusal holds in audit mode too.
 */
const crowded = ({ connectionsMax }: Policy, mark: number, no: string): string =>
  `ct status & confirmed == 0 ct count over ${connectionsMax} meta priority set ${hex(mark + KEPT + CROWDED)} goto ${no}`;

/**
 * A packet that stays on this host: one for a local address that goes by `lo`. A socket may be bound to another interface, or
 * name one in a message, and then even 127.0.0.1 is sent out there. What somebody's NAT led back here was routed elsewhere before.
 */
const STAYS = ["oif lo", "ct status dnat"].map((way) => `${way} fib daddr type local`);

/** Resolvers on loopback are asked there. */
function dnsRules({ v4, v6 }: Networks, no: string): string[] {
  const isBeyond = (address: string): boolean => !isLoopback(address);
  const here = { v4: v4.filter(isLoopback), v6: v6.filter(isLoopback) };
  const beyond = { v4: v4.filter(isBeyond), v6: v6.filter(isBeyond) };
  const port = toPort([53]);
  return [
    ...STAYS.flatMap((stays) => towards(`${port} ${stays} `, here)),
    ...towards(`${port} `, beyond),
    `${port} goto ${no}`,
  ];
}

/**
 * What is named port by port, marked as granted; then the mark on all the rest, which this host may receive (broadcast and
 * multicast too). A local address is looked for last: what goes beyond this host is the more, and need not pay for it.
 */
function outRules(policy: Policy, slot: number, no: string): string[] {
  const { listen, loopbackPorts, isolation } = policy;
  const mark = MARK + slotBits(slot) + (isolation === null ? OPEN : 0);
  const { allow, dns } = isolation ?? {};
  return [
    `${fromPort(listen.ports)} jump answers`,
    crowded(policy, mark, no),
    ...(loopbackPorts.length === 0
      ? []
      : STAYS.map((stays) => `${toPort(loopbackPorts)} ${stays} meta priority set ${hex(mark + GRANTED)} accept`)),
    ...(dns === undefined ? [] : dnsRules(dns, no)),
    `meta priority set ${hex(mark)}`,
    ...(allow === undefined
      ? ["accept"]
      : [...towards("", allow), ...STAYS.map((stays) => `${stays} accept`), `goto ${no}`]),
  ];
}

/**
 * ICMP (1) and ICMPv6 (58) have type and code where others have ports. Counting stands apart from refusing: a full set ends
 * its rule.
 */
function noRules({ isolation, logging }: Policy, names: ReturnType<typeof namesOf>): string[] {
  const end = `goto ${isolation?.mode === "audit" ? "pass" : "refuse"}`;
  return [
    `ip daddr ${CANARY.address} meta l4proto udp goto canary`, // it comes here when it is a connection too many
    ...(["ip", "ip6"] as const).flatMap((family) => {
      const set = family === "ip" ? names.blocked4 : names.blocked6;
      const icmp = family === "ip" ? 1 : 58;
      return [
        `meta l4proto != ${icmp} update @${set} { ${family} daddr . meta l4proto . th dport }`,
        `meta l4proto ${icmp} update @${set} { ${family} daddr . meta l4proto . @th,0,16 }`,
      ];
    }),
    `${marked(CROWDED)} ${limited(logging)} log prefix "${names.crowdedPrefix}" level info flags skuid`,
    `counter name ${names.blocked}`,
    "jump tell",
    ...towards("", logging.mute, end),
    `${limited(logging)} log prefix "${names.logPrefix}" level info flags skuid`,
    end,
  ];
}

const limited = ({ ratePerMinute, burst }: Logging): string =>
  `limit rate ${ratePerMinute}/minute burst ${burst} packets`;

const isV6 = (address: string): boolean => address.includes(":");

/** What a packet to a listener bound to this address looks like. */
function boundTo(address: string): string {
  if (address === "::") return "";
  if (address === "0.0.0.0") return "meta nfproto ipv4 ";
  return `${isV6(address) ? "ip6" : "ip"} daddr ${address} `;
}

/** Further ports of a server on loopback are on either loopback: "localhost" is one or the other. */
function inRules({ listen, logging }: Policy, names: ReturnType<typeof namesOf>): string[] {
  const { address, ports, from } = listen;
  const [port = 0, ...extra] = ports;
  const to = `${boundTo(address)}tcp dport`;
  const refused = [`${limited(logging)} log prefix "${names.inboundPrefix}" level info`, "counter goto closed"];
  if (isLoopback(address)) {
    const others = ["ip daddr 127.0.0.0/8", "ip6 daddr ::1"].map(
      (each) => `${each} tcp dport ${anyOf(extra)} goto pass`,
    );
    return [`${to} ${port} goto pass`, ...(extra.length === 0 ? [] : others), ...refused];
  }
  if (from === null) return [`${to} ${anyOf(ports)} goto pass`, ...refused];
  const clients = [
    "iif lo",
    ...(from.v4.length > 0 && (!isV6(address) || address === "::") ? [`ip saddr ${anyOf(from.v4)}`] : []),
    ...(from.v6.length > 0 && isV6(address) ? [`ip6 saddr ${anyOf(from.v6)}`] : []),
  ];
  return [...clients.map((client) => `${to} ${anyOf(ports)} ${client} goto pass`), ...refused];
}

/** How long a destination is remembered after it was last met. */
export const REMEMBERED_MS = 24 * 3600 * 1000;

const blockedSet = (name: string, type: string): string =>
  `add set ${TABLE} ${name} { type ${type} . inet_proto . inet_service; size ${BLOCKED_MAX}; flags dynamic,timeout; timeout 1d; counter; }`;

/** Adds or changes one instance's chains; its counters stay, its entries are {@link entriesText}'s business. */
export function putText(policy: Policy, slot: number): string {
  const names = namesOf(policy.name);
  const comment = policyComment({ hash: policyHash(policy), slot });
  const rules = { [names.no]: noRules(policy, names), [names.in]: inRules(policy, names) };
  const [first = "", ...others] = outRules(policy, slot, names.no);
  const commands = [
    `add counter ${TABLE} ${names.blocked}`,
    blockedSet(names.blocked4, "ipv4_addr"),
    blockedSet(names.blocked6, "ipv6_addr"),
    ...chainsOf(names).flatMap((chain) => [`add chain ${TABLE} ${chain}`, `flush chain ${TABLE} ${chain}`]),
    ...Object.entries({ ...rules, [names.out]: [`${first} comment "${comment}"`, ...others] }).flatMap(
      ([chain, texts]) => texts.map((text) => `add rule ${TABLE} ${chain} ${text}`),
    ),
  ];
  return `${commands.join("\n")}\n`;
}

const chainsOf = (names: ReturnType<typeof namesOf>): string[] => [names.no, names.in, names.out];

/** Removes what {@link putText} added; the instance's entries must be gone. */
export function removeText(name: string): string {
  const names = namesOf(name);
  const commands = [
    ...chainsOf(names).map((chain) => `flush chain ${TABLE} ${chain}`),
    ...chainsOf(names).map((chain) => `delete chain ${TABLE} ${chain}`),
    ...[names.blocked4, names.blocked6].map((set) => `delete set ${TABLE} ${set}`),
    `delete counter ${TABLE} ${names.blocked}`,
  ];
  return `${commands.join("\n")}\n`;
}

/** An instance's place in the maps. */
export interface Entry {
  readonly name: string;
  readonly slot: number;
}

const declareWith = (declare: (elements: string) => string, elements: readonly string[]): string =>
  elements.length === 0 ? "" : declare(`elements = {\n${elements.join(",\n")} }; `);

/** Adds entries; one that is there already stays. Fails when one of the slices does not exist. */
export function entriesText(gate: Gate, entries: readonly Entry[]): string {
  const path = (name: string) => `"${cgroupOf(gate, name)}"`;
  return [
    declareWith(
      declarations.senders,
      entries.map(({ name, slot }) => `${hex(slotBits(slot))} : jump ${namesOf(name).no}`),
    ),
    declareWith(
      declarations.own,
      entries.map(({ name, slot }) => `${hex(MARK + slotBits(slot))} . ${path(name)}`),
    ),
    declareWith(
      declarations.inbound,
      entries.map(({ name }) => `${path(name)} : goto ${namesOf(name).in}`),
    ),
    declareWith(
      declarations.instances,
      entries.map(({ name }) => `${path(name)} : jump ${namesOf(name).out}`),
    ),
  ].join("");
}

/** Removes the entries of one instance, whose slice must exist: paths are looked up. */
export function noEntryText(gate: Gate, { name, slot }: Entry): string {
  const { no, in: visitors, out } = namesOf(name);
  const path = `"${cgroupOf(gate, name)}"`;
  return [
    `delete element ${TABLE} instances { ${path} : jump ${out} }`,
    `delete element ${TABLE} inbound { ${path} : goto ${visitors} }`,
    `delete element ${TABLE} own { ${hex(MARK + slotBits(slot))} . ${path} }`,
    `delete element ${TABLE} senders { ${hex(slotBits(slot))} : jump ${no} }`,
    "",
  ].join("\n");
}

/** Removes every entry of all, those of cgroups that are gone included; nothing else removes such a one. */
export const noEntriesText = (): string =>
  [
    `flush map ${TABLE} instances`,
    `flush map ${TABLE} inbound`,
    `flush set ${TABLE} own`,
    `flush map ${TABLE} senders`,
    "",
  ].join("\n");
