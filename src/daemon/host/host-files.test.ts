/** What of the host's files is kept for instances, and that it follows them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { MERGED } from "../../sandbox/testing.ts";
import { place } from "./entries.ts";
import { HostFiles } from "./host-files.ts";
import { file, inodeOf, scratch } from "./testing.ts";

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
  const troubles: string[] = [];
  const runtime = { ...MERGED, runtimePaths: [`-${usr}`], files, directories };
  const hostFiles = new HostFiles(runtime, (error) => troubles.push(String(error)), { to, roots });
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
  return { host, to, usr, roots, hostFiles, all, troubles };
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

test("a directory with more in it than is copied is left as it was kept, and told of; the others are kept", (t) => {
  const { host, hostFiles, all, troubles } = kept(t, { directories: ["large", "certs"] });
  place(join(host, "large/one"), file("one"));
  hostFiles.ensure();
  for (const name of ["a", "b", "c", "d", "e"]) {
    writeFileSync(join(host, "large", name), "");
    truncateSync(join(host, "large", name), 15 << 20);
  }
  place(join(host, "certs/all.crt"), file("all"));
  hostFiles.refresh();
  assert.deepEqual(all(), { "certs/all.crt": "all", "large/one": "one" });
  assert.deepEqual(troubles, [`Error: ${host}/large holds more than 64 MiB that everybody may read: it is not copied`]);
});
