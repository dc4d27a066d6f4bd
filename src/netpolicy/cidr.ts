/** Networks as an nft interval set takes them: canonical, by family, and none inside another. */
import ipaddr from "ipaddr.js";

export interface Networks {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

interface Network {
  readonly bytes: readonly number[];
  readonly prefix: number;
}

/** ::ffff:0:0/96 (RFC 4291, 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const MAPPED_PREFIX = 96;

/** `10.1.2.3/8` → 10.0.0.0/8; an IPv4-mapped IPv6 network is the IPv4 one, since that is what goes over the wire. */
function parse(cidr: string): Network {
  const slash = cidr.indexOf("/");
  const bytes = ipaddr.parse(slash < 0 ? cidr : cidr.slice(0, slash)).toByteArray();
  const prefix = slash < 0 ? bytes.length * 8 : ipaddr.parseCIDR(cidr)[1];
  const mapped = prefix >= MAPPED_PREFIX && MAPPED.every((byte, index) => byte === bytes[index]);
  return mapped && bytes.length === 16
    ? masked(bytes.slice(MAPPED.length), prefix - MAPPED_PREFIX)
    : masked(bytes, prefix);
}

const masked = (bytes: readonly number[], prefix: number): Network => ({
  bytes: bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - index * 8))) & 0xff),
  prefix,
});

const compare = (a: Network, b: Network): number =>
  a.bytes.length - b.bytes.length || Buffer.compare(Buffer.from(a.bytes), Buffer.from(b.bytes)) || a.prefix - b.prefix;

const covers = (outer: Network, inner: Network): boolean =>
  outer.bytes.length === inner.bytes.length &&
  outer.prefix <= inner.prefix &&
  masked(inner.bytes, outer.prefix).bytes.every((byte, index) => byte === outer.bytes[index]);

const format = ({ bytes, prefix }: Network): string =>
  `${ipaddr.fromByteArray([...bytes]).toString()}${prefix === bytes.length * 8 ? "" : `/${prefix}`}`;

/** Whether an address is in one of these. */
export function within({ v4, v6 }: Networks): (address: string) => boolean {
  const networks = [...v4, ...v6].map(parse);
  return (address) => {
    const single = parse(address);
    return networks.some((network) => covers(network, single));
  };
}

/** Sorts, and drops what another network covers: a set without auto-merge refuses overlaps, and auto-merge is slow. */
export function normalise(cidrs: readonly string[]): Networks {
  const kept: Network[] = [];
  for (const network of cidrs.map(parse).sort(compare)) {
    const last = kept.at(-1);
    if (last === undefined || !covers(last, network)) kept.push(network);
  }
  const ofLength = (length: number) => kept.filter(({ bytes }) => bytes.length === length).map(format);
  return { v4: ofLength(4), v6: ofLength(16) };
}
