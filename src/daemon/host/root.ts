/**
 * What an instance's root directory holds besides mount points: the host's links, links to the host's files, and accounts of
 * its own, in which no other instance is named (passwd(5), group(5)). Nothing in there is renamed while it runs.
 */
import { dirname, relative } from "node:path";
import { boundWhole } from "../../sandbox/binds.ts";
import type { Runtime } from "../../sandbox/host.ts";
import { HOST_FILES, rootDir } from "../../spec/names.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import { type Entry, makeDirectories, place } from "./entries.ts";

/** The ids of an instance's accounts on this host. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
  /** Of `extraGroups`, by name. */
  readonly extra: ReadonlyMap<string, number>;
}

/** What the kernel shows in place of an id that does not exist inside (`/proc/sys/kernel/overflowuid`). */
const OVERFLOW = 65534;

const lines = (accounts: ReadonlyMap<string, string>): Entry => ({
  content: Buffer.from([...accounts].map(([name, rest]) => `${name}:x:${rest}\n`).join("")),
  mode: 0o644,
});

/** passwd(5): root, nobody, and who it runs as, at home in its state directory. */
const passwd = ({ name, user, stateDir }: InstanceSpec, { uid, gid }: Ids): Entry =>
  lines(
    new Map([
      ["root", "0:0:root:/root:/usr/sbin/nologin"],
      ["nobody", `${OVERFLOW}:${OVERFLOW}:nobody:/nonexistent:/usr/sbin/nologin`],
      [user, `${uid}:${gid}:opencode ${name}:${stateDir}:/bin/sh`],
    ]),
  );

/** group(5): root's, nobody's, and those that it runs in. */
const groups = ({ user, group }: InstanceSpec, { gid, extra }: Ids): Entry =>
  lines(
    new Map([
      ["root", "0:"],
      ["nogroup", `${OVERFLOW}:`],
      ...[...extra].map(([name, id]) => [name, `${id}:${user}`] as const),
      [group, `${gid}:`],
    ]),
  );

/** Path inside → what is there. Links are relative, so that they lead nowhere else when seen from outside. Pure. */
export function rootEntries(spec: InstanceSpec, ids: Ids, runtime: Runtime): ReadonlyMap<string, Entry> {
  const { links, files, directories } = runtime;
  const kept = [...files, ...directories];
  return new Map<string, Entry>([
    ...Object.entries(links).map(([path, link]) => [path, { link }] as const),
    ...kept.map((path) => [path, { link: relative(dirname(path), `${HOST_FILES}${path}`) }] as const),
    ...boundWhole(spec, runtime).map((path) => [path, "mount point"] as const),
    ["/etc/passwd", passwd(spec, ids)],
    ["/etc/group", groups(spec, ids)],
  ]);
}

/** Make the root of an instance that is about to start; what is right in there is left alone. `host`: where the host's root is. */
export function makeRoot(spec: InstanceSpec, ids: Ids, runtime: Runtime, host = ""): void {
  const root = `${host}${rootDir(spec.name)}`;
  makeDirectories(root);
  for (const [path, entry] of rootEntries(spec, ids, runtime)) place(`${root}${path}`, entry);
}
