/** The resolvers this host is configured to ask: `nameserver` lines of /etc/resolv.conf (resolv.conf(5)). */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { canonical } from "../../spec/address.ts";

export const RESOLV_CONF = "/etc/resolv.conf";
/** glibc asks no more than these (MAXNS). */
const MOST = 3;
/** A file that grows without end is none. */
const CHARACTERS_MAX = 64 * 1024;

/** The first three usable addresses. One with a zone (`fe80::1%eth0`) cannot be said in a policy and is left out. Pure. */
export function parseResolvers(text: string): string[] {
  const addresses = text
    .slice(0, CHARACTERS_MAX)
    .split("\n")
    .map((line) => /^nameserver[ \t]+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIP(address) !== 0 && !address.includes("%"));
  return [...new Set(addresses.map(canonical))].slice(0, MOST);
}

/** The host's resolvers now; none when the file cannot be read. */
export const readResolvers = async (): Promise<string[]> =>
  parseResolvers(await readFile(RESOLV_CONF, "utf8").catch(() => ""));
