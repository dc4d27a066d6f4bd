/** What all instances share: the table, its maps, the gate, and the two verdicts. */
import {
  CANARY,
  type Gate,
  GRANTED,
  hex,
  INSTANCES_MAX,
  KEPT,
  LOG_GROUP,
  MARK_MASK,
  marked,
  OPEN,
  type Place,
  SLOT_MASK,
  TABLE,
} from "./names.ts";
import { LAYOUT } from "./policy.ts";

/** What kernel and libnftables can do together. */
export interface Features {
  /** `flags owner,persist`: nobody else can change the table, and it stays when its owner dies (Linux 6.9, nft 1.1). */
  readonly persist: boolean;
  /** `log group`: the kernel says when something was refused, and nobody has to ask (CONFIG_NETFILTER_NETLINK_LOG). */
  readonly tells: boolean;
}

/** `NFT_TABLE_F_PERSIST` of linux/netfilter/nf_tables.h; a dead owner leaves it behind when its `NFT_TABLE_F_OWNER` goes. */
const PERSIST = 4;
/** `NFT_TABLE_F_OWNER`. */
const OWNER = 2;

/** Whether a table with these flags can become ours in place: flags other than the owner's cannot be changed. */
export const canTake = (features: Features, flags: number): boolean => ((flags & PERSIST) !== 0) === features.persist;

/** Whether a table with these flags is as {@link takeText} leaves it. */
export const isTaken = (features: Features, flags: number): boolean =>
  canTake(features, flags) && ((flags & OWNER) !== 0) === features.persist;

/** Makes the table ours, or leaves it ours; everything in it stays as it is. */
export const takeText = (features: Features): string =>
  `add table ${TABLE}${features.persist ? " { flags owner,persist; }" : ""}\n`;

/** Deletes the table: ours, a plain one, or one that a dead owner left behind. */
export const deleteText = (): string => `delete table ${TABLE}\n`;

/** The ids of the cgroups whose paths the shared rules name. */
export interface GateIds {
  readonly gate: bigint;
  /** 0n when the gate names none. */
  readonly supervisor: bigint;
}

/** Comment on the gate's rule: which layout, and which cgroups its paths meant when it was made. */
export const gateComment = (gate: Gate, ids: GateIds): string =>
  `gate ${LAYOUT} ${gate.level} ${ids.gate} ${gate.supervisor?.level ?? 0} ${ids.supervisor}`;

/** The layout that a gate's comment names; null for anything else. */
export const gateLayout = (comment: string | null): number | null => {
  const layout = /^gate (\d+) [\d ]+$/.exec(comment ?? "")?.[1];
  return layout === undefined ? null : Number(layout);
};

/**
 * The maps and the set that are keyed by cgroup or mark, as declared; `elements` go in by declaring them again. Without a
 * size the kernel takes a hash that grows, and a listing of one that is growing has gaps (see nftables-napi, `elements`).
 */
const declaration = (kind: "map" | "set", name: string, type: string) => {
  return (elements = "") => `add ${kind} ${TABLE} ${name} { type ${type}; size ${INSTANCES_MAX}; ${elements}}\n`;
};
export const declarations = {
  instances: declaration("map", "instances", "cgroupsv2 : verdict"),
  inbound: declaration("map", "inbound", "cgroupsv2 : verdict"),
  own: declaration("set", "own", "classid . cgroupsv2"),
  senders: declaration("map", "senders", "classid : verdict"),
} as const;
const CANARIES = `add set ${TABLE} ${CANARY.set} { type classid; size ${INSTANCES_MAX}; flags dynamic; counter; }\n`;

/**
 * Connections whose SYN met a TIME_WAIT socket: whose listener is behind it is not known before the handshake is done. Its last
 * packet may hold data, so that what holds any is kept back until there is a socket to judge it by; TCP sends it again. As long
 * as a listener waits for that packet (tcp_synack_retries).
 */
const REUSED = `add set ${TABLE} reused { typeof ct id; size 65536; flags dynamic,timeout; timeout 2m; }\n`;
/** With a first byte behind its TCP header. */
const HOLDS_DATA = "@ih,0,8 & 0x0 == 0x0";

const CHAINS: Readonly<Record<string, string>> = {
  refuse: "",
  closed: "",
  pass: "",
  answers: "",
  tell: "",
  canary: "",
  kept: "",
  visit: "",
  reach: "",
  foreign: "",
  loopback: "",
  opencode: "",
  output: " { type filter hook output priority 300; policy accept; }",
  prerouting: " { type filter hook prerouting priority -310; policy accept; }",
  input: " { type filter hook input priority 300; policy accept; }",
};

const SENDER = `meta priority & ${hex(SLOT_MASK)} vmap @senders`;
const NOT_SYN = "tcp flags & (syn | ack) != syn";
const SYN = "tcp flags & (syn | ack) == syn";
const UNREGISTERED = "counter name unregistered drop";
const socketIn = ({ cgroup, level }: Place): string => `socket cgroupv2 level ${level} "${cgroup}"`;

/**
 * `[chain, rule]` in order. 1 and 58 are ICMP and ICMPv6: from a socket, an echo request. The kernel answers it to whoever has
 * the identifier, which may be another instance's socket, so that it is judged like what nobody is known to get.
 */
function rules({ tells }: Features, gate: Gate, ids: GateIds): readonly (readonly [chain: string, rule: string])[] {
  const slice = `socket cgroupv2 level ${gate.level + 1}`;
  const inGate = socketIn(gate);
  const { supervisor } = gate;
  return [
    ["refuse", "ip daddr 127.0.0.0/8 meta l4proto tcp reject with tcp reset"],
    ["refuse", "ip6 daddr ::1 meta l4proto tcp reject with tcp reset"],
    ["refuse", `${NOT_SYN} reject with tcp reset`],
    ["refuse", "reject with icmpx admin-prohibited"],
    ["closed", "meta l4proto tcp reject with tcp reset"],
    ["closed", "reject"],
    ["pass", `${marked(KEPT)} goto refuse`],
    ["pass", `${marked()} meta priority set 0`],
    ["pass", "accept"],
    // Of a listener; untracked ones (somebody's `notrack`) are known by not opening anything.
    ["answers", "ct direction reply accept"],
    ["answers", `ct state untracked ${NOT_SYN} accept`],
    // What fills a set ends its rule: counted here, dropped there.
    ["canary", `update @${CANARY.set} { meta priority & ${hex(SLOT_MASK)} }`],
    ["canary", "drop"],
    ["tell", tells ? `limit rate 2/second burst 1 packets log group ${LOG_GROUP}` : "return"],
    ["kept", `meta priority set meta priority | ${hex(KEPT)}`],
    ["kept", SENDER],
    ["kept", UNREGISTERED],
    ["visit", "meta l4proto 1 goto pass"],
    ["visit", "meta l4proto 58 goto pass"],
    ["visit", `${NOT_SYN} goto pass`],
    ["visit", `${slice} vmap @inbound`],
    ["visit", UNREGISTERED],
    ["reach", `${inGate} goto visit`],
    ["reach", "goto pass"],
    ["foreign", `${marked(GRANTED)} goto reach`],
    ["foreign", `${inGate} goto kept`],
    ...(supervisor === null ? [] : [["foreign", `${socketIn(supervisor)} goto kept`] as const]),
    ["foreign", `${marked(OPEN)} goto pass`],
    ["foreign", SENDER],
    ["foreign", UNREGISTERED],
    ["loopback", `ip daddr ${CANARY.address} meta l4proto udp goto canary`],
    ["loopback", `meta priority & ${hex((MARK_MASK | SLOT_MASK) >>> 0)} . ${slice} @own goto pass`],
    ["loopback", "socket wildcard <= 1 goto foreign"],
    ["loopback", `${SYN} socket transparent <= 1 update @reused { ct id }`],
    ["loopback", `meta l4proto tcp ct id @reused ${HOLDS_DATA} drop`],
    ["loopback", `${NOT_SYN} goto pass`],
    ["loopback", "ct id @reused goto foreign"],
    ["loopback", "socket transparent <= 1 drop"], // the set is full: it comes again
    ["loopback", "goto foreign"],
    ["opencode", `${slice} vmap @instances`],
    ["opencode", 'limit rate 5/minute burst 5 packets log prefix "opencode.slice-blocked: " level info flags skuid'],
    ["opencode", UNREGISTERED],
    ["prerouting", `${marked()} goto loopback`],
    ["prerouting", `iif lo ct state != established ${inGate} goto visit`],
    ["input", `ct state != established iif != lo meta pkttype host ${inGate} goto visit`],
    ["output", `${inGate} jump opencode comment "${gateComment(gate, ids)}"`],
  ];
}

/**
 * Makes the table and what all instances share, or makes that anew in a table that is there: instances, their counters
 * and their entries stay. Fails when the gate's cgroup does not exist.
 */
export function tableText(features: Features, gate: Gate, ids: GateIds): string {
  const chains = Object.entries(CHAINS).map(([chain, hook]) => `add chain ${TABLE} ${chain}${hook}\n`);
  const flushes = Object.keys(CHAINS).map((chain) => `flush chain ${TABLE} ${chain}\n`);
  const adds = rules(features, gate, ids).map(([chain, rule]) => `add rule ${TABLE} ${chain} ${rule}\n`);
  const maps = Object.values(declarations).map((declare) => declare());
  return [
    takeText(features),
    ...maps,
    CANARIES,
    REUSED,
    `add counter ${TABLE} unregistered\n`,
    ...chains,
    ...flushes,
    ...adds,
  ].join("");
}

/** The chains that {@link tableText} fills: none of them may be without rules. */
export const SHARED_CHAINS: readonly string[] = Object.keys(CHAINS);
