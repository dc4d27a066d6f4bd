/**
 * The second layer of the network policy: the units' own `IPAddressAllow=` and `IPAddressDeny=`, which hold when the table
 * of `src/netpolicy` does not. It knows addresses only, not ports, and works in both directions: a client that is not
 * allowed cannot reach a listener either. `opencode.slice` denies everything, so every unit needs an allowance of its own.
 * On the host's own addresses beyond loopback an isolated instance reaches nothing through it, its own listeners included,
 * but at the address it is told to listen on: what is on this host is reached by loopback.
 *
 * Not part of the spec hash: it is changed on running units.
 */
import ipaddr from "ipaddr.js";
import { isLoopback } from "../spec/address.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import type { AddressPrefix } from "../spec/unit.ts";

/** `SetUnitProperties` appends: whoever changes a live unit sends the empty list first. */
export interface AddressFilter {
  readonly allow: readonly AddressPrefix[];
  readonly deny: readonly AddressPrefix[];
}

type Networked = Pick<InstanceSpec, "listen" | "networkIsolation">;

const ANY = ["0.0.0.0/0", "::/0"];
/** systemd's `localhost`. */
const LOCALHOST = ["127.0.0.0/8", "::1/128"];

/** `10.0.0.0/8` or a bare address. */
function addressPrefix(cidr: string): AddressPrefix {
  const [text = "", prefix] = cidr.split("/");
  const address = ipaddr.parse(text);
  const bytes = Uint8Array.from(address.toByteArray());
  return [bytes.length === 4 ? 2 : 10, bytes, Number(prefix ?? bytes.length * 8)];
}

const prefixes = (cidrs: readonly string[]): AddressPrefix[] => cidrs.map(addressPrefix);

const isEnforced = ({ networkIsolation: { enable, mode } }: Networked): boolean => enable && mode === "enforce";

/** Anybody may connect: a list of allowed addresses would shut them out. */
const servesAnybody = ({ listen }: Networked): boolean => !isLoopback(listen.address) && listen.allowFrom.length === 0;

/** Whether the instance is isolated by the table alone. */
export const lacksSecondLayer = (spec: Networked): boolean => isEnforced(spec) && servesAnybody(spec);

/** What connects to the server: its clients, and this host by the address it listens on (the supervisor's probe, for one). */
function clients({ listen: { address, allowFrom } }: Networked): string[] {
  if (isLoopback(address)) return [];
  return ["0.0.0.0", "::"].includes(address) ? [...allowFrom] : [...allowFrom, address];
}

export function addressFilter(spec: Networked): AddressFilter {
  if (!isEnforced(spec) || servesAnybody(spec)) return { allow: prefixes(ANY), deny: [] };
  const { outboundAllowCidrs, dns } = spec.networkIsolation;
  const allowed = new Set([...LOCALHOST, ...outboundAllowCidrs, ...dns, ...clients(spec)]);
  return { allow: prefixes([...allowed]), deny: prefixes(ANY) };
}
