/** The names of the table and of what is in it. */
import { PARENT_SLICE, sliceUnit } from "../spec/names.ts";

export const FAMILY = "inet";
export const TABLE_NAME = "opencode_supervisor";
export const TABLE = `${FAMILY} ${TABLE_NAME}`;

/** A cgroup as the rules see it. */
export interface Place {
  /** Path below the root of the cgroup namespace that makes the rules: `opencode.slice`. */
  readonly cgroup: string;
  /** Depth of that path, 1 for `opencode.slice`. */
  readonly level: number;
}

/** The slice that all instances are in; the instances' slices are one deeper. */
export interface Gate extends Place {
  /** The supervisor's own cgroup, whose listeners no instance reaches unless it may; null when it has none of its own. */
  readonly supervisor: Place | null;
}

/** A cgroup path, with the level that follows from it. */
export const placeAt = (cgroup: string): Place => ({ cgroup, level: cgroup.split("/").length });

/** The gate at a cgroup path. */
export const gateAt = (cgroup: string = PARENT_SLICE, supervisor: string | null = null): Gate => ({
  ...placeAt(cgroup),
  supervisor: supervisor === null ? null : placeAt(supervisor),
});

/** cgroup path of an instance's slice. */
export const cgroupOf = (gate: Gate, name: string): string => `${gate.cgroup}/${sliceUnit(name)}`;

/**
 * An instance's name as part of an nft identifier: letters, digits and `-` stay, every other byte becomes `_` and two hex
 * digits. Different names never meet, and {@link decodeName} gives the name back.
 */
export const encodeName = (name: string): string =>
  [...Buffer.from(name)].map((byte) => PLAIN[byte] ?? `_${byte.toString(16).padStart(2, "0")}`).join("");

export const decodeName = (encoded: string): string =>
  Buffer.from(
    encoded.replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString();

const PLAIN: Readonly<Record<number, string>> = Object.fromEntries(
  [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"].map((char) => [char.charCodeAt(0), char]),
);

/** What an instance has in the table; `blocked*` are kept when its policy changes. */
export const namesOf = (name: string) => {
  const encoded = encodeName(name);
  return {
    out: `out_${encoded}`,
    in: `in_${encoded}`,
    no: `no_${encoded}`,
    blocked: `blocked_${encoded}`,
    blocked4: `blocked4_${encoded}`,
    blocked6: `blocked6_${encoded}`,
    logPrefix: `opencode-${encoded}-blocked: `,
    crowdedPrefix: `opencode-${encoded}-connections: `,
    inboundPrefix: `opencode-${encoded}-inbound: `,
  } as const;
};

/** The instance whose chain this is; null for a chain that is not an instance's first one. */
export const instanceOf = (chain: string): string | null =>
  chain.startsWith("out_") ? decodeName(chain.slice("out_".length)) : null;

/**
 * Marks of packets out of instances: the upper bits say they are ours, below are what is known of the packet and the sender's
 * slot, and the lowest four are 0: queueing disciplines take them for a class. They are in the packet's priority (`meta
 * priority`), not in what netfilter calls its mark: VPNs and routing rewrite that one in any hook, in postrouting too, where
 * ours is out of reach. The priority stays on the way through loopback, routing does not look at it, and above 6 it takes
 * CAP_NET_ADMIN to set it (socket(7), SO_PRIORITY).
 */
export const MARK = 0x4f400000;
export const MARK_MASK = 0xffe00000;
/** The sender's policy names the port it goes to. */
export const GRANTED = 0x00040000;
/** The sender is not isolated. */
export const OPEN = 0x00080000;
/** It goes to a listener that no instance reaches without being granted it. */
export const KEPT = 0x00100000;
/** It would be a connection too many. */
export const CROWDED = 0x00020000;
/** As many instances as the table has room for; slots stay below it. */
export const INSTANCES_MAX = 8192;
const SLOT_UNIT = 16;
export const SLOT_MASK = (INSTANCES_MAX - 1) * SLOT_UNIT;
/** A slot as it is in marks. */
export const slotBits = (slot: number): number => slot * SLOT_UNIT;
/** The slot in a mark. */
export const slotOf = (mark: number): number => (mark & SLOT_MASK) / SLOT_UNIT;
export const hex = (mark: number): string => `0x${mark.toString(16).padStart(8, "0")}`;

/** Whether a packet has our mark, with these bits set in it. */
export const marked = (bits = 0): string => `meta priority & ${hex((MARK_MASK | bits) >>> 0)} == ${hex(MARK | bits)}`;

/**
 * Where the canary goes: UDP from inside an instance's slice to this address of loopback, which nobody listens on. It is
 * counted by the sender's number on arrival, and dropped: a count that moves has been through the gate, the instance's
 * entry, its chain, and its mark.
 */
export const CANARY = { address: "127.79.67.1", port: 9, set: "canary" } as const;
/** The NFLOG group by which the kernel says that something was refused. */
export const LOG_GROUP = 20319;
