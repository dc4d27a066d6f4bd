import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
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
const file = (text: string, mode = 0o644) => ({ content: Buffer.from(text), mode });
const inodeOf = (path: string): bigint => lstatSync(path, { bigint: true }).ino;
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

/** Host files kept below a scratch directory, as if `directories` and `files` there were the host's. */
function kept(
  t: { after(work: () => void): void },
  what: { directories?: readonly string[]; files?: readonly string[] },
) {
  const host = scratch(t);
  const [to, roots, usr] = [join(host, "kept"), join(host, "roots"), join(host, "usr")];
  const [files, directories] = [what.files ?? [], what.directories ?? []].map((names) =>
    names.map((name) => join(host, name)),
  );
  assert.ok(files !== undefined && directories !== undefined);
  const hostFiles = new HostFiles({ ...MERGED, runtimePaths: [`-${usr}`], files, directories }, { to, roots });
  mkdirSync(join(roots, "a"), { recursive: true });
  /** What is kept, by path: what is in it, or where it leads. */
  const all = (directory = `${to}${host}`): Record<string, string> =>
    Object.assign(
      {},
      ...readdirSync(directory, { withFileTypes: true }).map((one) => {
        const path = join(directory, one.name);
        if (one.isDirectory()) return all(path);
        return {
          [relative(`${to}${host}`, path)]: one.isSymbolicLink()
            ? `-> ${readlinkSync(path)}`
            : readFileSync(path, "utf8"),
        };
      }),
    );
  return { host, to, usr, roots, hostFiles, all };
}

test("the host's files: copies, links into what is bound, and nothing of what is missing, closed or no file", (t) => {
  const files = ["plain", "tool", "linked", "closed", "looped", "missing"];
  const { host, to, usr, roots, hostFiles, all } = kept(t, { files });
  place(join(usr, "zone"), file("zone"));
  place(join(host, "plain"), file("text"));
  place(join(host, "tool"), file("#!", 0o755));
  place(join(host, "linked"), { link: "static/zone" }); // as NixOS has most of /etc
  place(join(host, "static"), { link: usr });
  place(join(host, "closed"), file("secret", 0o600));
  place(join(host, "looped"), { link: "looped" });
  hostFiles.ensure();
  assert.deepEqual(all(), { plain: "text", tool: "#!", linked: `-> ${join(usr, "zone")}` });
  assert.equal(lstatSync(`${to}${host}/tool`).mode & 0o7777, 0o755);
  // As the host's change
  place(join(host, "plain"), file("other"));
  place(join(host, "tool"), null);
  place(join(host, "missing"), file("made"));
  hostFiles.refresh();
  assert.deepEqual(all(), { plain: "other", linked: `-> ${join(usr, "zone")}`, missing: "made" });
  // Until the last instance is gone
  hostFiles.removeUnused();
  assert.equal(existsSync(to), true);
  rmSync(join(roots, "a"), { recursive: true });
  hostFiles.removeUnused();
  hostFiles.refresh();
  hostFiles.ensure();
  assert.equal(existsSync(to), false);
});

test("the host's directories: what everybody may read, links that lead where they led, and all of it as it changes", (t) => {
  const { host, to, usr, hostFiles, all } = kept(t, { directories: ["certs", "tools", "elsewhere", "absent"] });
  place(join(usr, "one.pem"), file("one"));
  place(join(host, "certs/all.crt"), file("all"));
  place(join(host, "certs/by-hash/1.0"), { link: "../one.pem" });
  place(join(host, "certs/one.pem"), { link: join(usr, "one.pem") });
  place(join(host, "certs/out.pem"), { link: "../usr/one.pem" });
  place(join(host, "certs/dead"), { link: "nowhere" });
  place(join(host, "certs/key"), file("secret", 0o640));
  place(join(host, "certs/private/key"), file("secret"));
  chmodSync(join(host, "certs/private"), 0o710);
  execFileSync("mkfifo", [join(host, "certs/fifo")]);
  mkdirSync(join(host, "certs/empty"));
  place(join(usr, "tools/awk"), file("awk"));
  place(join(host, "tools"), { link: join(usr, "tools") });
  place(join(host, "further/file"), file("file"));
  place(join(host, "elsewhere"), { link: "further" });
  hostFiles.ensure();
  const one = `-> ${join(usr, "one.pem")}`;
  assert.deepEqual(all(), {
    "certs/all.crt": "all",
    "certs/by-hash/1.0": "-> ../one.pem",
    "certs/one.pem": one,
    "certs/out.pem": one,
    "certs/dead": "-> nowhere",
    tools: `-> ${join(usr, "tools")}`,
    "elsewhere/file": "file",
  });
  const inode = inodeOf(`${to}${host}/certs/all.crt`);
  // When a file becomes a directory, a directory a file, and others come and go
  rmSync(join(host, "certs/by-hash"), { recursive: true });
  place(join(host, "certs/by-hash"), file("now a file"));
  place(join(host, "certs/dead"), null);
  place(join(host, "certs/dead/alive"), file("now below"));
  place(join(host, "certs/out.pem"), null);
  rmSync(join(host, "elsewhere"));
  hostFiles.refresh();
  assert.deepEqual(all(), {
    "certs/all.crt": "all",
    "certs/by-hash": "now a file",
    "certs/dead/alive": "now below",
    "certs/one.pem": one,
    tools: `-> ${join(usr, "tools")}`,
  });
  assert.equal(inodeOf(`${to}${host}/certs/all.crt`), inode);
  assert.deepEqual(
    [readFileSync(join(usr, "tools/awk"), "utf8"), readFileSync(join(host, "further/file"), "utf8")],
    ["awk", "file"],
  );
});

test("of an earlier version nothing but the files is there: the rest is made", (t) => {
  const { host, to, hostFiles, all } = kept(t, { files: ["hosts"], directories: ["certs"] });
  place(join(host, "hosts"), file("hosts"));
  place(join(host, "certs/all.crt"), file("all"));
  place(`${to}${host}/hosts`, file("hosts"));
  hostFiles.ensure();
  assert.deepEqual([all(), existsSync(join(to, "sys/fs/cgroup"))], [{ hosts: "hosts", "certs/all.crt": "all" }, true]);
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
