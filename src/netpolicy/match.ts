/** What packets to and from networks look like, as nft text. */
import ipaddr from "ipaddr.js";
import type { Networks } from "./cidr.ts";

export const anyOf = (values: readonly (string | number)[]): string =>
  values.length === 1 ? `${values[0]}` : `{ ${values.join(", ")} }`;

/** In a list with prefixes of more lengths, one search through intervals takes less than a look-up in a hash for each length. */
const HASHES_MAX = 2;

const FAMILIES = {
  v4: { daddr: "ip daddr", bits: 32, mask: (length: number) => ipaddr.IPv4.subnetMaskFromPrefixLength(length) },
  v6: { daddr: "ip6 daddr", bits: 128, mask: (length: number) => ipaddr.IPv6.subnetMaskFromPrefixLength(length) },
} as const;

/**
 * Matches that together are a list's: nft keeps networks as intervals that it searches (120 ns for 20 of them), and single
 * addresses in a hash (60 ns). Networks of one length are such addresses once what is behind the prefix is masked away. The longer
 * list first: one network is as likely as another.
 */
function matches(family: keyof typeof FAMILIES, networks: readonly string[]): string[] {
  const { daddr, bits, mask } = FAMILIES[family];
  const lengths = Map.groupBy(networks, (network) => Number(network.split("/")[1] ?? bits));
  if (lengths.size > HASHES_MAX) return [`${daddr} ${anyOf(networks)}`];
  return [...lengths]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([length, alike]) => {
      if (length === bits || alike.length === 1) return `${daddr} ${anyOf(alike)}`;
      return `${daddr} & ${mask(length)} ${anyOf(alike.map((network) => network.slice(0, network.indexOf("/"))))}`;
    });
}

/** Rules with this verdict for packets to one of these networks, as `normalise` has them. */
export const towards = (prefix: string, networks: Networks, verdict = "accept"): string[] =>
  (["v4", "v6"] as const).flatMap((family) =>
    matches(family, networks[family]).map((match) => `${prefix}${match} ${verdict}`),
  );
