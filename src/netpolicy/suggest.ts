/** What to write to allow what was refused. Pure. */
import ipaddr from "ipaddr.js";
import { isLoopback } from "../spec/address.ts";
import { normalise, within } from "./cidr.ts";
import type { Policy } from "./policy.ts";

/** A destination that was refused. */
export interface Wanted {
  readonly address: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
}

/** Keys of `networkIsolation` in the instance file. */
export type Option = "outboundAllowCidrs" | "dns" | "allowLoopbackPorts";

export interface Suggestion {
  /** What to add to each list. */
  readonly add: Readonly<Partial<Record<Option, readonly (string | number)[]>>>;
  /** What was not dared, a line each. */
  readonly notes: readonly string[];
}

const TCP = 6;
const UDP = 17;
const DNS = 53;
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  [TCP]: "tcp",
  [UDP]: "udp",
  58: "icmpv6",
  132: "sctp",
};
/** Protocols that policies name by port. */
const isNamed = (protocol: number): boolean => protocol === TCP || protocol === UDP;
const hasPort = (protocol: number): boolean => protocol !== 1 && protocol !== 58;

export const protocolName = (protocol: number): string => PROTOCOLS[protocol] ?? String(protocol);

/** `203.0.113.7:443/tcp`, `[2001:db8::1]:53/udp`, `203.0.113.7/icmp`. */
export function destinationText({ address, protocol, port }: Wanted): string {
  const host = address.includes(":") && hasPort(protocol) ? `[${address}]` : address;
  return `${host}${hasPort(protocol) ? `:${port}` : ""}/${protocolName(protocol)}`;
}

/** Whether an address is this host's: loopback, or one of `own`. */
export const isHere = (address: string, own: ReadonlySet<string>): boolean =>
  own.has(address) || ipaddr.parse(address).range() === "loopback";

/** Multicast, broadcast, link-local and the like: seldom meant by anybody, and often noise. */
const ROUTED = new Set([
  "unicast",
  "private",
  "uniqueLocal",
  "carrierGradeNat",
  "reserved",
  "6to4",
  "rfc6052",
  "teredo",
]);
const isRouted = (address: string): boolean => ROUTED.has(ipaddr.parse(address).range());

/** The list and the entry that allow one destination; null where none would. */
export function allowance(wanted: Wanted, own: ReadonlySet<string>): { option: Option; value: string | number } | null {
  const { address, protocol, port } = wanted;
  if (isHere(address, own)) return isNamed(protocol) && port > 0 ? { option: "allowLoopbackPorts", value: port } : null;
  if (port === DNS && isNamed(protocol)) return { option: "dns", value: address };
  return { option: "outboundAllowCidrs", value: single(address) };
}

const single = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;

/** Whether the policy lets it through by now; what is not known is whose listener of this host it is. */
export function isAllowed({ isolation, loopbackPorts }: Policy, wanted: Wanted, own: ReadonlySet<string>): boolean {
  const { address, protocol, port } = wanted;
  if (isHere(address, own)) return isNamed(protocol) && loopbackPorts.includes(port);
  if (isolation === null) return true;
  return within(port === DNS && isNamed(protocol) ? isolation.dns : isolation.allow)(address);
}

/** `networkIsolation.dns = [ "192.0.2.1" ];`, as Nix has it. */
export const nixLine = (option: Option, values: readonly (string | number)[]): string =>
  `networkIsolation.${option} = [ ${values.map((value) => JSON.stringify(value)).join(" ")} ];`;

/** As many addresses of one network as make it worth a word. */
const SEVERAL = 3;
/** Networks that are usually one owner's. */
const NETWORK = { ipv4: 24, ipv6: 64 } as const;

const networkOf = (address: string): string => {
  const parsed = ipaddr.parse(address);
  const prefix = NETWORK[parsed.kind()];
  const parser = parsed.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${parser.networkAddressFromCIDR(`${address}/${prefix}`)}/${prefix}`;
};

/** The shortest list that allows all of these, and nothing that was not asked for but the other ports of each address. */
export function suggest(wanted: readonly Wanted[], own: ReadonlySet<string>): Suggestion {
  const add: Partial<Record<Option, Set<string | number>>> = {};
  const put = (option: Option, value: string | number): void => {
    add[option] ??= new Set();
    add[option].add(value);
  };
  const noise = new Set<string>();
  const alone: string[] = [];
  for (const each of wanted) {
    const allowed = allowance(each, own);
    if (allowed === null) continue;
    const { option, value } = allowed;
    if (option !== "allowLoopbackPorts" && !isRouted(each.address)) noise.add(each.address);
    else {
      put(option, value);
      if (option === "outboundAllowCidrs") alone.push(each.address);
      // The units' own filter knows loopback and what is listed, not which addresses are this host's.
      if (option === "allowLoopbackPorts" && own.has(each.address) && !isLoopback(each.address))
        put("outboundAllowCidrs", single(each.address));
    }
  }
  const { outboundAllowCidrs, dns, allowLoopbackPorts } = add;
  return {
    add: {
      ...(outboundAllowCidrs === undefined ? {} : { outboundAllowCidrs: merged([...outboundAllowCidrs].map(String)) }),
      ...(dns === undefined ? {} : { dns: [...dns].sort() }),
      ...(allowLoopbackPorts === undefined
        ? {}
        : { allowLoopbackPorts: [...allowLoopbackPorts].sort((a, b) => Number(a) - Number(b)) }),
    },
    notes: [
      ...(dns === undefined ? [] : [DNS_NOTE]),
      ...notMerged([...new Set(alone)]),
      ...[...noise].sort().map(muteNote),
    ],
  };
}

const DNS_NOTE =
  "where networkIsolation.dns was not set, it takes the place of the host's own resolvers: name those as well that are to stay";

const muteNote = (address: string): string =>
  `${address} is multicast, broadcast or link-local and left out: allow it by hand if it is meant, or mute it with networkIsolation.logging.mute`;

function notMerged(addresses: readonly string[]): string[] {
  const networks = Map.groupBy(addresses, networkOf);
  return [...networks]
    .filter(([, within]) => within.length >= SEVERAL)
    .map(
      ([network, within]) =>
        `${within.length} addresses are in ${network}; not merged, as the rest of it was never asked for: write "${network}" in their place if the whole network is meant`,
    )
    .sort();
}

/** Two halves of a network become that network, as often as that goes: nothing is allowed by it that was not before. */
function merged(cidrs: readonly string[]): string[] {
  const { v4, v6 } = normalise(cidrs);
  const full = [...v4.map((each) => withPrefix(each, 32)), ...v6.map((each) => withPrefix(each, 128))];
  const present = new Set(full);
  for (const each of present) {
    const upper = parentOf(each);
    if (upper === null || !upper.halves.every((half) => present.has(half))) continue;
    for (const half of upper.halves) present.delete(half);
    present.add(upper.cidr); // a Set goes on with what is added while it is walked
  }
  const result = normalise([...present]);
  return [...result.v4.map((each) => withPrefix(each, 32)), ...result.v6.map((each) => withPrefix(each, 128))];
}

const withPrefix = (cidr: string, bits: number): string => (cidr.includes("/") ? cidr : `${cidr}/${bits}`);

/** The network one bit larger, and its two halves. */
function parentOf(cidr: string): { cidr: string; halves: readonly string[] } | null {
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  if (prefix === 0) return null;
  const bytes = address.toByteArray();
  const index = (prefix - 1) >> 3;
  const bit = 0x80 >> ((prefix - 1) & 7);
  const withBit = (on: boolean): string => {
    const changed = bytes.map((byte, at) => (at === index ? (on ? byte | bit : byte & ~bit) : byte));
    return ipaddr.fromByteArray(changed).toString();
  };
  return {
    cidr: `${withBit(false)}/${prefix - 1}`,
    halves: [`${withBit(false)}/${prefix}`, `${withBit(true)}/${prefix}`],
  };
}
