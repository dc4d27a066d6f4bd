/** One instance's part of the table: its chains, its counters, its entries. */
import type { Networks } from "./cidr.ts";
import { cgroupOf, type Gate, hex, MARK, namesOf, TABLE } from "./names.ts";
import { type Isolation, type Policy, policyHash } from "./policy.ts";
import { declarations } from "./table.ts";

/** Destinations remembered for each instance and family; what does not fit is still logged, counted and refused. */
const BLOCKED_MAX = 1024;

/** What is installed for an instance, as the comment on its chain's first rule says. */
export interface Installed {
  readonly hash: string;
  /** The number in its marks; 0 for an instance without isolation, which needs none. */
  readonly slot: number;
}

export const policyComment = ({ hash, slot }: Installed): string => `policy ${hash} ${slot}`;

export function parsePolicyComment(comment: string | null): Installed | null {
  const [, hash, slot] = /^policy ([0-9a-f]{64}) (\d{1,5})$/.exec(comment ?? "") ?? [];
  return hash === undefined || slot === undefined ? null : { hash, slot: Number(slot) };
}

const anyOf = (values: readonly (string | number)[]): string =>
  values.length === 1 ? `${values[0]}` : `{ ${values.join(", ")} }`;

/** One rule for each family that has a network. */
const towards = (prefix: string, { v4, v6 }: Networks): string[] => [
  ...(v4.length > 0 ? [`${prefix}ip daddr ${anyOf(v4)} accept`] : []),
  ...(v6.length > 0 ? [`${prefix}ip6 daddr ${anyOf(v6)} accept`] : []),
];

const TRANSPORTS = ["tcp", "udp"] as const;

/** First what must not be marked, then the mark on what this host receives, then the networks. */
const outRules = (isolation: Isolation, slot: number): string[] => [
  ...TRANSPORTS.flatMap((transport) => towards(`${transport} dport 53 `, isolation.dns)),
  ...(isolation.loopbackPorts.length === 0 ? [] : TRANSPORTS).map(
    (transport) => `${transport} dport ${anyOf(isolation.loopbackPorts)} fib daddr type local accept`,
  ),
  `fib daddr type != unicast meta mark set ${hex(MARK + slot)} jump here`,
  ...towards("", isolation.allow),
];

/** ICMP (1) and ICMPv6 (58) have no port to remember. Counting stands apart from refusing: a full set ends its rule. */
function noRules({ mode, logging }: Isolation, names: ReturnType<typeof namesOf>): string[] {
  const withPort = "meta l4proto != 1 meta l4proto != 58";
  return [
    `${withPort} update @${names.blocked4} { ip daddr . meta l4proto . th dport }`,
    `${withPort} update @${names.blocked6} { ip6 daddr . meta l4proto . th dport }`,
    `limit rate ${logging.ratePerMinute}/minute burst ${logging.burst} packets log prefix "${names.logPrefix}" level info flags skuid`,
    `counter name ${names.blocked}`,
    `goto ${mode === "audit" ? "pass" : "refuse"}`,
  ];
}

const blockedSet = (name: string, type: string): string =>
  `add set ${TABLE} ${name} { type ${type} . inet_proto . inet_service; size ${BLOCKED_MAX}; flags dynamic,timeout; timeout 1d; counter; }`;

/** Adds or changes one instance's chains; its counters stay, its entries are {@link entriesText}'s business. */
export function putText(policy: Policy, slot: number): string {
  const names = namesOf(policy.name);
  const { isolation } = policy;
  const comment = `comment "${policyComment({ hash: policyHash(policy), slot })}"`;
  const rule = (chain: string) => (text: string) => `add rule ${TABLE} ${chain} ${text}`;
  const fresh = (chain: string) => [`add chain ${TABLE} ${chain}`, `flush chain ${TABLE} ${chain}`];
  const commands =
    isolation === null
      ? [...fresh(names.out), rule(names.out)(`accept ${comment}`)]
      : [
          `add counter ${TABLE} ${names.blocked}`,
          blockedSet(names.blocked4, "ipv4_addr"),
          blockedSet(names.blocked6, "ipv6_addr"),
          ...fresh(names.no),
          ...fresh(names.out),
          ...noRules(isolation, names).map(rule(names.no)),
          rule(names.out)(`ct direction reply accept ${comment}`),
          ...outRules(isolation, slot).map(rule(names.out)),
          rule(names.out)(`goto ${names.no}`),
        ];
  return `${commands.join("\n")}\n`;
}

/** Removes what {@link putText} added; the instance's entries must be gone. */
export function removeText(name: string, slot: number): string {
  const names = namesOf(name);
  const chains = slot === 0 ? [names.out] : [names.out, names.no];
  const objects = [
    `set ${TABLE} ${names.blocked4}`,
    `set ${TABLE} ${names.blocked6}`,
    `counter ${TABLE} ${names.blocked}`,
  ];
  const commands = [
    ...chains.map((chain) => `flush chain ${TABLE} ${chain}`),
    ...chains.map((chain) => `delete chain ${TABLE} ${chain}`),
    ...(slot === 0 ? [] : objects.map((object) => `delete ${object}`)),
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
  const isolated = entries.filter(({ slot }) => slot !== 0);
  const path = (name: string) => `"${cgroupOf(gate, name)}"`;
  return [
    declareWith(
      declarations.senders,
      isolated.map(({ name, slot }) => `${hex(MARK + slot)} : jump ${namesOf(name).no}`),
    ),
    declareWith(
      declarations.own,
      isolated.map(({ name, slot }) => `${hex(MARK + slot)} . ${path(name)}`),
    ),
    declareWith(
      declarations.instances,
      entries.map(({ name }) => `${path(name)} : jump ${namesOf(name).out}`),
    ),
  ].join("");
}

/** Removes every entry, those of cgroups that are gone included; nothing else removes such a one. */
export const noEntriesText = (): string =>
  [`flush map ${TABLE} instances`, `flush set ${TABLE} own`, `flush map ${TABLE} senders`, ""].join("\n");
