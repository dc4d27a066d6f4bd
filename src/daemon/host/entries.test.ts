import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MERGED } from "../../sandbox/testing.ts";
import { specOf } from "../instance/testing.ts";
import { type Entry, place } from "./entries.ts";
import { makeRoot, rootEntries } from "./root.ts";
import { file, inodeOf, scratch } from "./testing.ts";

const IDS = { uid: 901, gid: 902, extra: new Map([["tools", 903]]) };
const textOf = (entry: Entry | undefined): string =>
  typeof entry === "object" && "content" in entry ? Buffer.from(entry.content).toString() : "";

test("an entry is made whatever stands there, is not touched when it is right, and goes when it is not wanted", (t) => {
  const path = join(scratch(t), "below", "entry");
  const link = { link: "elsewhere" };
  for (const entry of [
    file("one"),
    link,
    file("two", 0o755),
    "mount point",
    link,
    "mount point",
    file("one"),
  ] as const) {
    place(path, entry);
    const found = lstatSync(path);
    if (entry === "mount point") assert.ok(found.isDirectory());
    else if ("link" in entry) assert.equal(readlinkSync(path), entry.link);
    else assert.deepEqual([readFileSync(path), found.mode & 0o7777], [entry.content, entry.mode]);
    const inode = inodeOf(path);
    place(path, entry);
    assert.equal(inodeOf(path), inode);
  }
  place(path, null);
  assert.equal(existsSync(path), false);
  // A mount point that an earlier version left behind
  mkdirSync(join(path, "below"), { recursive: true });
  place(path, { link: "elsewhere" });
  assert.equal(readlinkSync(path), "elsewhere");
});

test("what a stopped supervisor had begun is not written through", (t) => {
  const directory = scratch(t);
  const theirs = join(directory, "theirs");
  writeFileSync(theirs, "theirs");
  place(join(directory, "entry.new"), { link: theirs });
  place(join(directory, "entry"), file("ours"));
  assert.equal(readFileSync(join(directory, "entry"), "utf8"), "ours");
  place(join(directory, "entry"), { link: "elsewhere" });
  assert.deepEqual([readFileSync(theirs, "utf8"), existsSync(join(directory, "entry.new"))], ["theirs", false]);
});

test("a root holds the host's links, links to the host's files, and the instance's own accounts", () => {
  const entries = rootEntries(specOf("a"), IDS, MERGED);
  assert.deepEqual(entries.get("/bin"), { link: "usr/bin" });
  assert.deepEqual(entries.get("/etc/hosts"), { link: "../run/opencode-supervisor/host/etc/hosts" });
  assert.deepEqual(textOf(entries.get("/etc/passwd")).split("\n"), [
    "root:x:0:0:root:/root:/usr/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    "opencode-a:x:901:902:opencode a:/var/lib/opencode/instance-state/a:/bin/sh",
    "",
  ]);
  assert.equal(
    textOf(entries.get("/etc/group")),
    "root:x:0:\nnogroup:x:65534:\ntools:x:903:opencode-a\nopencode-a:x:902:\n",
  );
});

test("a root that is right is left as it is; one of an earlier version is put right", (t) => {
  const host = scratch(t);
  const root = join(host, "run/opencode-supervisor/root/a");
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/passwd"), "");
  makeRoot(specOf("a"), IDS, MERGED, host);
  assert.equal(readlinkSync(join(root, "bin")), "usr/bin");
  assert.match(readFileSync(join(root, "etc/passwd"), "utf8"), /^opencode-a:/m);
  const before = inodeOf(join(root, "etc/passwd"));
  makeRoot(specOf("a"), IDS, MERGED, host);
  assert.equal(inodeOf(join(root, "etc/passwd")), before);
});

test("a directory that the instance was given something of is a mount point in its root, and a link again without", (t) => {
  const host = scratch(t);
  const ssl = join(host, "run/opencode-supervisor/root/a/etc/ssl");
  const open = specOf("a", { sandbox: { readOnlyPaths: ["/etc/ssl/private/key"] } });
  makeRoot(specOf("a"), IDS, MERGED, host);
  assert.equal(readlinkSync(ssl), "../run/opencode-supervisor/host/etc/ssl");
  makeRoot(open, IDS, MERGED, host);
  const inode = inodeOf(ssl);
  assert.ok(lstatSync(ssl).isDirectory());
  makeRoot(open, IDS, MERGED, host);
  assert.equal(inodeOf(ssl), inode);
  makeRoot(specOf("a"), IDS, MERGED, host);
  assert.ok(lstatSync(ssl).isSymbolicLink());
});
