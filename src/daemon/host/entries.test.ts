import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MERGED } from "../../sandbox/testing.ts";
import { specOf } from "../instance/testing.ts";
import { type Entry, place } from "./entries.ts";
import { HostFiles } from "./host-files.ts";
import { makeRoot, rootEntries } from "./root.ts";

const scratch = (t: { after(work: () => void): void }): string => {
  const directory = mkdtempSync(join(tmpdir(), "entries-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
};
const file = (text: string, mode = 0o644): Entry => ({ content: Buffer.from(text), mode });
const inodeOf = (path: string): bigint => lstatSync(path, { bigint: true }).ino;
const IDS = { uid: 901, gid: 902, extra: new Map([["tools", 903]]) };
const textOf = (entry: Entry | undefined): string =>
  entry !== undefined && "content" in entry ? Buffer.from(entry.content).toString() : "";

test("an entry is made whatever stands there, is not touched when it is right, and goes when it is not wanted", (t) => {
  const path = join(scratch(t), "below", "entry");
  const kinds: readonly Entry[] = [file("one"), { link: "elsewhere" }, file("two", 0o755), { link: "elsewhere" }];
  for (const entry of kinds) {
    place(path, entry);
    const found = lstatSync(path);
    if ("link" in entry) assert.equal(readlinkSync(path), entry.link);
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

test("the host's files: copies, links into what is bound, and nothing of what is missing, closed or no file", async (t) => {
  const host = scratch(t);
  const [to, roots, usr] = [join(host, "kept"), join(host, "roots"), join(host, "usr")];
  const paths = ["plain", "tool", "linked", "closed", "looped", "directory", "missing"].map((name) => join(host, name));
  const files = new HostFiles({ ...MERGED, runtimePaths: [`-${usr}`], files: paths }, { to, roots });
  place(join(usr, "zone"), file("zone"));
  place(join(host, "plain"), file("text"));
  place(join(host, "tool"), file("#!", 0o755));
  place(join(host, "linked"), { link: "static/zone" }); // as NixOS has most of /etc
  place(join(host, "static"), { link: usr });
  place(join(host, "closed"), file("secret", 0o600));
  place(join(host, "looped"), { link: "looped" });
  mkdirSync(join(host, "directory"));
  const kept = () => paths.filter((path) => existsSync(`${to}${path}`)).map((path) => path.slice(host.length + 1));
  // Without an instance nothing is kept
  await files.ensure();
  assert.deepEqual(kept(), []);
  mkdirSync(join(roots, "a"), { recursive: true });
  await files.ensure();
  assert.deepEqual(kept(), ["plain", "tool", "linked"]);
  assert.equal(readlinkSync(`${to}${host}/linked`), join(usr, "zone"));
  assert.equal(lstatSync(`${to}${host}/tool`).mode & 0o7777, 0o755);
  // As the host's change
  place(join(host, "plain"), file("other"));
  place(join(host, "tool"), null);
  place(join(host, "missing"), file("made"));
  await files.refresh();
  assert.deepEqual(kept(), ["plain", "linked", "missing"]);
  assert.equal(readFileSync(`${to}${host}/plain`, "utf8"), "other");
  // Until the last instance is gone
  files.removeUnused();
  assert.equal(existsSync(to), true);
  rmSync(join(roots, "a"), { recursive: true });
  files.removeUnused();
  await files.refresh();
  assert.equal(existsSync(to), false);
});
