import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Found, socketPlace, type Turn, wayTo } from "./way.ts";

const thing = (kind: Found["kind"], more: Partial<Found> = {}): Found => ({
  kind,
  uid: 0,
  mode: 0o755,
  id: kind,
  ...more,
});
const directory = (mode: number, uid = 0): Found => thing("directory", { mode, uid });
/** The way to `/run/pg/s`, in a directory like this, to what is found there. */
const way = (inside: Found, found: Found | null): Turn[] => [
  { directory: "/", inside: directory(0o755), name: "run", found: directory(0o755) },
  { directory: "/run", inside: directory(0o755), name: "pg", found: inside },
  { directory: "/run/pg", inside, name: "s", found },
];
const onward = (inside: Found): Turn => ({ directory: "/run/other", inside, name: "s", found: thing("socket") });

const SERVERS = directory(0o2775, 70);
const CASES: readonly (readonly [what: string, way: readonly Turn[], place: object])[] = [
  ["a socket in a directory of root's", way(directory(0o755), thing("socket")), { kind: "socket", id: "socket" }],
  ["a socket in its server's directory", way(SERVERS, thing("socket")), { kind: "socket", id: "socket" }],
  ["nothing", way(SERVERS, null), { kind: "absent" }],
  ["a directory", way(SERVERS, null).slice(0, 1), { kind: "refused", why: "/run is not a socket" }],
  ["something else", way(SERVERS, thing("other")), { kind: "refused", why: "/run/pg/s is not a socket" }],
  [
    "a socket where everybody can write",
    way(directory(0o1777), thing("socket")),
    { kind: "refused", why: "everybody can write /run/pg, and so put something else there" },
  ],
  [
    "nothing yet where everybody can write",
    way(directory(0o1777), null),
    { kind: "refused", why: "everybody can write /run/pg, and so put something else there" },
  ],
  [
    "a link that root put there",
    [...way(directory(0o755), thing("link")), onward(directory(0o755))],
    { kind: "socket", id: "socket" },
  ],
  [
    "such a link to where everybody can write",
    [...way(directory(0o755), thing("link")), onward(directory(0o777))],
    { kind: "refused", why: "everybody can write /run/other, and so put something else there" },
  ],
  ...[SERVERS, directory(0o755, 70), directory(0o775)].map(
    (inside) =>
      [
        `a link that others could put there (${inside.uid} ${inside.mode.toString(8)})`,
        [...way(inside, thing("link")), onward(directory(0o755))],
        { kind: "refused", why: "/run/pg/s is a link, and others than root could put it there" },
      ] as const,
  ),
];
for (const [what, turns, place] of CASES) {
  test(`${what}: ${"why" in place ? place.why : "fine"}`, () => assert.deepEqual(socketPlace(turns), place));
}

test("the way names every directory that is looked in, through links to its end, or to what is missing", async () => {
  // Given
  const root = mkdtempSync(join(tmpdir(), "way-"));
  for (const name of ["links", "real"]) mkdirSync(join(root, name));
  writeFileSync(join(root, "real/file"), "");
  symlinkSync("../real/./file", join(root, "links/relative"));
  symlinkSync(join(root, "real"), join(root, "links/absolute"));
  symlinkSync("loop", join(root, "links/loop"));
  const lookedUp = async (path: string): Promise<string[]> =>
    (await wayTo(join(root, path)))
      .map(({ directory, name, found }) => `${join(directory, name)}${found === null ? "?" : ""}`)
      .filter((place) => place.startsWith(`${root}/`))
      .map((place) => place.slice(root.length + 1));
  // When, then
  assert.deepEqual(await lookedUp("links/relative"), ["links", "links/relative", "real", "real/file"]);
  assert.deepEqual(await lookedUp("links/absolute/file"), ["links", "links/absolute", "real", "real/file"]);
  assert.deepEqual(await lookedUp("real/none/below"), ["real", "real/none?"]);
  assert.deepEqual(await lookedUp("real/file/below"), ["real", "real/file"]);
  assert.equal(new Set(await lookedUp("links/loop")).size, 2);
  rmSync(root, { recursive: true });
});
