/** What an instance sees of the host's /etc: itself and nobody else, the host's files as they are now, and starts that nothing disturbs. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { HOST_FILES, mainUnit, RUNTIME_DIR, SUPERVISOR_UNIT, setupUnit } from "../../spec/names.ts";
import { light, Supervised } from "./testing.ts";

/** Answers every question with 192.0.2.7. */
const RESOLVER = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.2", 53))
while True:
    q, who = s.recvfrom(512)
    end = q.index(0, 12) + 5
    s.sendto(q[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + q[12:end] + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4\\xc0\\0\\2\\7", who)`;

/** Who it is, by every way to ask; where else its sibling's name is; and then, again and again, what it sees. */
const LOOKING = `{ id -un; whoami; id -gn; stat -c %U:%G ~ /etc/passwd; node -p 'const {username, homedir, shell} = os.userInfo(); [username, homedir, shell].join()'
    python3 -c 'import grp, os, pwd; print(pwd.getpwuid(os.getuid()).pw_dir, grp.getgrgid(os.getgid()).gr_name)'
    python3 -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 50)'
    getent passwd | cut -d: -f1; grep -Rls -e opencode-b -e daemon: /etc; } >said.new 2>&1; mv said.new said
  while :; do { getent hosts late.example; getent ahostsv4 asked.example | head -1; git config --system --get test.value; date +%Z; } >seen.new 2>&1
    mv seen.new seen; sleep 0.1; done`;

describe("the host's files", () => {
  let host: Supervised;
  const seen = (what: RegExp) =>
    host.waitFor(`it sees ${what}`, async (saw) => {
      const { stdout } = await host.machine.exec(["cat", "/srv/a/seen"], { check: false });
      saw(stdout);
      return what.test(stdout);
    });
  const everything = async (): Promise<string[]> =>
    (await host.machine.sh(`find ${RUNTIME_DIR}/root ${HOST_FILES} -printf '%p %i %l\\n' | sort`)).stdout.split("\n");

  before(async () => {
    host = await Supervised.up("host-files");
    await host.machine.writeFile("/usr/local/lib/resolver.py", RESOLVER);
    await host.machine.writeFile("/usr/local/lib/look.sh", LOOKING);
    await host.machine.sh(`systemd-run -q --unit=resolver python3 /usr/local/lib/resolver.py
      rm -f /etc/resolv.conf /etc/gitconfig; ln -sfT /usr/share/zoneinfo/Etc/UTC /etc/localtime`);
    await host.write({ a: light("a", 7001, { command: ["/bin/sh", "/usr/local/lib/look.sh"] }), b: light("b", 7002) });
    await host.systemctl("start", "opencode.target");
    await host.untilAll({ a: "starting", b: "starting" });
  });
  after(async () => {
    await host?.down();
  });

  it("it is itself by every name service, and finds no other instance and no account of the host", async () => {
    const said = await host.waitFor("what it said", () => host.machine.readFile("/srv/a/said"));
    const home = "/var/lib/opencode/instance-state/a";
    const user = "opencode-a";
    assert.deepEqual(said.trim().split("\n"), [
      ...[user, user, user, `${user}:${user}`, "root:root"],
      ...[`${user},${home},/bin/sh`, `${home} ${user}`, "True"],
      ...["root", "nobody", user],
    ]);
  });

  it("while it runs: files that are written, renamed into place, made, taken away, and links that lead elsewhere", async () => {
    const pids = await host.pids("a", "b");
    await seen(/^UTC\n$/);
    await host.machine.sh("echo '192.0.2.8 late.example' >>/etc/hosts");
    await seen(/192\.0\.2\.8 +late\.example/);
    await host.machine.writeFile("/etc/resolv.conf", "nameserver 127.0.0.2\n");
    await seen(/192\.0\.2\.7 /);
    await host.machine.sh("git config --system test.value first");
    await seen(/^first$/m);
    await host.machine.sh("git config --system test.value second");
    await seen(/^second$/m);
    await host.machine.sh("rm /etc/gitconfig /etc/resolv.conf; ln -sfT /usr/share/zoneinfo/Asia/Tokyo /etc/localtime");
    await seen(/^192\.0\.2\.8[^\n]*\nJST\n$/);
    // As systemd-resolved has it: a link to a file that comes, is replaced, and goes
    await host.machine.sh("ln -s ../run/resolve/conf /etc/resolv.conf");
    await host.machine.writeFile("/run/resolve/conf", "nameserver 127.0.0.9\n");
    await host.machine.writeFile("/run/resolve/conf", "nameserver 127.0.0.2\n");
    await seen(/192\.0\.2\.7 /);
    assert.deepEqual(await host.pids("a", "b"), pids);
  });

  it("while it runs: what is in the directories of certificates and of alternatives, but for what is closed", async () => {
    const [pid] = await host.pids("a");
    const inside = async (script: string) => {
      const { stdout } = await host.machine.exec(["nsenter", "-t", String(pid), "-m", "sh", "-c", script], {
        check: false,
      });
      return stdout.trim();
    };
    const becomes = (script: string, wanted: string) =>
      host.waitFor(`${script}: ${wanted}`, async (saw) => {
        const said = await inside(script);
        saw(said);
        return said === wanted;
      });
    await host.machine.sh(`install -d -m 700 /etc/ssl/private; echo its key >/etc/ssl/private/key
      echo mine >/usr/local/share/mine.crt; ln -s /usr/local/share/mine.crt /etc/ssl/certs/mine.pem; ln -s mine.pem /etc/ssl/certs/0123.0
      ln -sfT /usr/bin/true /etc/alternatives/chosen`);
    await becomes(
      "cat /etc/ssl/certs/0123.0; readlink /etc/alternatives/chosen; ls -d /etc/ssl/private",
      "mine\n/usr/bin/true",
    );
    await host.machine.sh(`rm /etc/ssl/certs/mine.pem; mkdir /etc/ssl/certs/more; echo new >/etc/ssl/certs/more/one.pem
      ln -sfT /usr/bin/false /etc/alternatives/chosen`);
    await becomes(
      "cat /etc/ssl/certs/mine.pem /etc/ssl/certs/more/one.pem; readlink /etc/alternatives/chosen",
      "new\n/usr/bin/false",
    );
    await host.machine.sh(
      "mv /etc/ssl /etc/ssl-moved; ln -s ssl-moved /etc/ssl; echo newer >/etc/ssl-moved/certs/more/one.pem",
    );
    await becomes(
      "cat /etc/ssl/certs/more/one.pem; ls /etc/ssl/certs | grep -c pem",
      `newer\n${await inside("ls /etc/ssl/certs | grep -c pem")}`,
    );
    await host.machine.sh("rm /etc/ssl; mv /etc/ssl-moved /etc/ssl");
    assert.equal(
      await inside("readlink -f /usr/bin/awk; test -e /etc/ssl/certs/ca-certificates.crt && echo there"),
      "/usr/bin/mawk\nthere",
    );
  });

  it("what only root may read of the host's, it may not read in the copy either", async () => {
    await host.machine.sh(
      "git config --system test.value secret; chmod 600 /etc/gitconfig; echo '192.0.2.10 late.example' >/etc/hosts",
    );
    await seen(/^192\.0\.2\.10 /);
    await host.waitFor("no copy", async () => {
      const found = await host.machine.exec(["grep", "-rsE", "value = secret|its key", HOST_FILES], { check: false });
      return found.stdout === "";
    });
  });

  it("a daemon that is restarted leaves all of it as it is, and goes on from there", async () => {
    const [before, pids] = [await everything(), await host.pids("a", "b")];
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.machine.sh("echo '192.0.2.11 late.example' >/etc/hosts");
    await seen(/^192\.0\.2\.11 /);
    const others = (lines: readonly string[]) => lines.filter((line) => !line.startsWith(`${HOST_FILES}/etc/hosts `));
    assert.deepEqual(others(await everything()), others(before));
    assert.deepEqual(await host.pids("a", "b"), pids);
  });

  it("all of it goes with the last instance", async () => {
    await host.write({});
    await host.waitFor("nothing left", async (saw) => {
      const left = await host.remains();
      saw(left);
      return left.length === 0;
    });
  });
});

/** Renames copies over these files for as long as it runs. */
const REPLACER = `use File::Copy; while (1) { for (@ARGV) { copy($_, "$_.copy"); chmod 0644, "$_.copy"; rename("$_.copy", $_) } }`;
const MANY = Array.from({ length: 20 }, (_, index) => `r${index}`);

describe("a start that meets a file being replaced", () => {
  let host: Supervised;
  before(async () => {
    host = await Supervised.up("replaced");
    await host.machine.writeFile("/srv/opencode.json", "{}");
  });
  after(async () => {
    await host?.down();
  });

  it("of twenty instances, while accounts, resolvers and their config are replaced all the time, none fails", async () => {
    const files = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/srv/opencode.json"];
    const instances = MANY.map(
      (name, index) => [name, light(name, 7100 + index, { configFile: "/srv/opencode.json" })] as const,
    );
    await host.projects(Object.fromEntries(instances));
    await host.machine.exec(["systemd-run", "-q", "--unit=replacer", "perl", "-e", REPLACER, ...files]);
    await host.write(Object.fromEntries(instances));
    await host.systemctl("start", "opencode.target");
    await host.untilAll(Object.fromEntries(MANY.map((name) => [name, "starting" as const])));
    for (const name of MANY) await host.waitForUnit(mainUnit(name));
    await host.systemctl("stop", "replacer");
  });

  it("a bind that is there at a later try is enough; one that never is ends as failed, with what is wrong", async () => {
    const needs = (path: string) => ({ sandbox: { serviceConfig: { BindReadOnlyPaths: path } } });
    const tries = `systemctl show -P NRestarts ${setupUnit("late")}`;
    const script = `until [ "$(${tries})" -ge 1 ]; do sleep 0.05; done; mkdir -p /srv/needed; touch /srv/needed/late`;
    await host.machine.exec(["systemd-run", "-q", "sh", "-c", script]);
    await host.write({
      late: light("late", 7001, needs("/srv/needed/late")),
      never: light("never", 7002, needs("/srv/needed/never")),
    });
    await host.until("late", "starting");
    await host.waitForUnit(mainUnit("late"));
    const { why } = await host.until("never", "failed");
    assert.match(why ?? "", /setup failed: .*exit status 226: its file system view cannot be made/);
    assert.equal(await host.show(setupUnit("never"), "NRestarts"), "5");
  });
});
