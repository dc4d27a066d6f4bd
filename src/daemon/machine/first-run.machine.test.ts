/** The first run on a clean machine, with the real server: what an operator does, and what they get. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { INSTANCE_FILE } from "../../spec/names.ts";
import { Supervised } from "./testing.ts";

const MINIMAL = '{"version":1,"instances":{"a":{"directory":"/srv/a","listen":{"port":8787}}}}';

describe("the minimal file on a clean machine", () => {
  let host: Supervised;
  const sh = async (script: string) => (await host.machine.sh(script)).stdout.trim();
  /** HTTP status of a request to an instance's server, with or without a password. */
  const ask = async (port: number, password?: string) => {
    const user = password === undefined ? [] : ["--user", `opencode:${password}`];
    const url = `http://127.0.0.1:${port}/global/health`;
    const { stdout } = await host.machine.exec(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", ...user, url]);
    return Number(stdout);
  };

  before(async () => {
    host = await Supervised.up("first");
  });
  after(async () => {
    await host?.down();
  });

  it("the supervisor starts without a file, and says that it is missing and where it belongs", async () => {
    await host.systemctl("start", "opencode.target");
    const { problems, file } = await host.status();
    assert.equal(file.ok, false);
    assert.deepEqual(
      problems.map(({ what, fix }) => `${what}; ${fix}`),
      [`${INSTANCE_FILE} does not exist; write the instance file there`],
    );
  });

  it("a directory that is missing is named, with the command that makes it", async () => {
    await host.machine.writeFile(INSTANCE_FILE, MINIMAL);
    const { why } = await host.until("a", "blocked");
    assert.equal(why, "a: directory: /srv/a does not exist; make it: install -d -o opencode-a -g opencode-a /srv/a");
  });

  it("following that advice is all it takes: the real server becomes ready", async () => {
    const { why } = await host.until("a", "blocked");
    await sh(why?.split("make it: ")[1] ?? "");
    const a = await host.until("a", "ready");
    assert.match(a.version ?? "", /^\d+\.\d+\.\d+/);
    assert.equal((await host.status()).state, "ok");
  });

  it("a directory of somebody else's is named by setup, with the command that gives it away", async () => {
    await sh("install -d /srv/b");
    const b = { directory: "/srv/b", listen: { port: 8788 } };
    const { instances } = JSON.parse(MINIMAL);
    await host.machine.writeFile(INSTANCE_FILE, JSON.stringify({ version: 1, instances: { ...instances, b } }));
    const { output, why } = await host.until("b", "failed", ({ output }) => output.length > 0);
    const advice = "setup: directory /srv/b is not writable by user opencode-b; run: chown opencode-b /srv/b";
    assert.deepEqual(output, [advice]);
    assert.match(why ?? "", /opencode-supervisor reload/);
    await sh(advice.split("run: ")[1] ?? "");
    assert.equal((await host.cli("reload")).code, 0);
    await host.until("b", "ready");
  });

  it("each has a user and a HOME of its own that nobody else can enter", async () => {
    for (const name of ["a", "b"]) {
      const [pid = 0] = await host.pids(name);
      assert.equal(await sh(`stat -c %U /proc/${pid}`), `opencode-${name}`);
      const home = `/var/lib/opencode/instance-state/${name}`;
      assert.equal(await sh(`stat -c '%U %a' ${home}`), `opencode-${name} 700`);
      assert.match(await sh(`tr '\\0' '\\n' </proc/${pid}/environ`), new RegExp(`^HOME=${home}$`, "m"));
    }
  });

  it("their servers want a password, each another one", async () => {
    const [a, b] = [await host.password("a"), await host.password("b")];
    assert.deepEqual(
      [await ask(8787), await ask(8787, a), await ask(8788, b), await ask(8788, a), await ask(8787, "wrong")],
      [401, 200, 200, 401, 401],
    );
  });

  it("no other user can read a password: not from systemd, not from /proc, not from a file", async () => {
    const password = await host.password("a");
    const [pid = 0] = await host.pids("a");
    // As a user of nobody's: everything systemd tells, every process's environment and arguments, every file of ours.
    const script = `
      systemctl show opencode-a opencode-a-setup opencode-supervisor; systemctl cat opencode-a
      cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline
      grep -rs . /run/opencode-supervisor /var/lib/opencode-supervisor /var/lib/opencode /run/systemd/transient
      test -r /proc/${pid}/cmdline && echo the end`;
    const run = await host.machine.exec(["setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", script], {
      check: false,
    });
    assert.match(run.stdout, /the end\n$/);
    assert.equal(run.stdout.includes(password), false);
    assert.match(await sh(`tr '\\0' '\\n' </proc/${pid}/environ`), new RegExp(password), "root can: the search works");
  });

  it("one ends, the other does not notice", async () => {
    const [before] = await host.pids("b");
    await host.systemctl("stop", "opencode-a");
    await host.until("a", "stopped");
    assert.deepEqual(await host.pids("b"), [before]);
    await host.until("b", "ready");
  });
});
