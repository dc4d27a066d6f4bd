/** IP addresses and CIDRs as the instance file may write them: one spelling of each meaning, no zone, no v4-mapped v6. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { quote } from "./text.ts";

/** What is wrong with a text, and what to write instead. */
export interface TextFault {
  readonly what: string;
  readonly fix: string;
}
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** The address in a text, or what is wrong with it. */
function readAddress(text: string, noun: string, fix: string): Address | TextFault {
  if (text.includes("%")) {
    return {
      what: `${quote(text)} has a zone id`,
      fix: "leave out what follows the %; link-local addresses cannot be used",
    };
  }
  const family = isIP(text);
  if (family === 0) return { what: `${quote(text)} is not ${noun}`, fix };
  if (family === 4) return new ipaddr.IPv4(text.split(".").map(Number));
  const address = ipaddr.IPv6.parse(text);
  if (!address.isIPv4MappedAddress()) return address;
  const plain = address.toIPv4Address().toString();
  return { what: `${quote(text)} is an IPv4 address in IPv6 form`, fix: `write it with the IPv4 address ${plain}` };
}

const isFault = (read: Address | TextFault): read is TextFault => "what" in read;

/** What is wrong with an address; null when it is good. */
export function addressFault(text: string): TextFault | null {
  const read = readAddress(text, "an IP address", 'write an address such as "127.0.0.1" or "::1"');
  return isFault(read) ? read : null;
}

/** Bytes of an address, those behind `prefix` bits cleared. */
const masked = (bytes: readonly number[], prefix: number): number[] =>
  bytes.map((byte, index) => byte & ~(0xff >> Math.min(Math.max(prefix - 8 * index, 0), 8)));

const CIDR_FIX = 'write an address or a network such as "10.0.0.0/8" or "fd00::/8"';

/** What is wrong with `address` or `address/prefix`; null when it is good. */
export function cidrFault(text: string): TextFault | null {
  const slash = text.indexOf("/");
  const read = readAddress(slash < 0 ? text : text.slice(0, slash), "an address or CIDR", CIDR_FIX);
  if (isFault(read)) return read;
  if (slash < 0) return null;
  const bytes = read.toByteArray();
  const bits = 8 * bytes.length;
  const digits = text.slice(slash + 1);
  const prefix = /^(0|[1-9][0-9]{0,2})$/.test(digits) ? Number(digits) : bits + 1;
  if (prefix > bits) return { what: `${quote(text)} has no prefix length from 0 to ${bits}`, fix: CIDR_FIX };
  const network = masked(bytes, prefix);
  if (network.every((byte, index) => byte === bytes[index])) return null;
  const fix = `write "${ipaddr.fromByteArray(network)}/${prefix}" or "${read}/${bits}"`;
  return { what: `${quote(text)} has host bits set`, fix };
}

/** The one spelling of a valid address: `0:0::1` → `::1`. */
export const canonical = (text: string): string => (text.includes(":") ? ipaddr.parse(text).toString() : text);

/** Whether a valid address or CIDR lies within loopback. */
export function isLoopback(text: string): boolean {
  const [address, prefix] = text.split("/");
  const parsed = ipaddr.parse(address ?? "");
  return parsed.range() === "loopback" && Number(prefix ?? 128) >= (parsed.kind() === "ipv4" ? 8 : 128);
}
