/** The two-project example and a host with every option set, as evaluated, with the real opencode. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Supervised } from "../../src/daemon/machine/testing.ts";
import { startModel } from "../../testbed/two-projects.ts";
import { NixosHost } from "./nixos-host.ts";

const STATE = "/var/lib/opencode/instance-state";

describe("the two-project example", () => {
  let supervised: Supervised;
  const sh = async (script: string) => (await supervised.machine.sh(script)).stdout;
  before(async () => {
    supervised = await Supervised.up("nix-projects");
    const host = await NixosHost.on(supervised.machine);
    await startModel(supervised.machine);
    await host.projects("project-a", "project-b");
    await sh(
      "rm /srv/project-*/serve; echo mine > /srv/project-a/README; touch -d @1 /srv/project-a /srv/project-a/README",
    );
    await host.switch("two-projects");
    await supervised.until("project-a", "ready");
    await supervised.until("project-b", "ready");
  });
  after(async () => {
    await supervised?.down();
  });
  const tree = (path: string) =>
    sh(`find ${path} -path '*/.local/share/opencode/*' -prune -o -printf '%p %y %m %u %l\\n' | sort`);

  test("Define two independent instances: both answer, and a restart of one leaves the other its process", async () => {
    const before = await supervised.pids("project-a", "project-b");
    await supervised.systemctl("restart", "opencode-project-a.service");
    await supervised.until("project-a", "ready", ({ pid }) => pid !== before[0]);
    assert.deepEqual(await supervised.pids("project-b"), [before[1]]);
  });

  test("Setup runs on first initialization only: a restart of the server runs none of it again", async () => {
    const since = await supervised.show("opencode-project-b-setup.service", "ExecMainStartTimestamp");
    const [pid] = await supervised.pids("project-b");
    await supervised.systemctl("restart", "opencode-project-b.service");
    await supervised.until("project-b", "ready", (status) => status.pid !== pid);
    assert.equal(await supervised.show("opencode-project-b-setup.service", "ExecMainStartTimestamp"), since);
  });

  test("Setup incrementally prepares expected HOME tree", async () => {
    const found = await tree(`${STATE}/project-a`);
    for (const path of [
      ".local/share/opencode d 700 opencode-project-a",
      ".config/opencode d 700 opencode-project-a",
    ]) {
      assert.ok(found.includes(`${STATE}/project-a/${path}`), found);
    }
  });

  test("Setup is idempotent: run again, it changes nothing and replaces nothing", async () => {
    await sh(
      `echo kept > ${STATE}/project-a/.config/opencode/mine; chown opencode-project-a ${STATE}/project-a/.config/opencode/mine`,
    );
    const earlier = await tree(STATE);
    await supervised.systemctl("restart", "opencode-project-a-setup.service");
    assert.equal(await tree(STATE), earlier);
    assert.equal(await sh(`cat ${STATE}/project-a/.config/opencode/mine`), "kept\n");
  });

  test("Setup does not initialize working directory", async () => {
    assert.equal(await sh("find /srv/project-a -printf '%P %T@\\n' | sort"), " 1.0000000000\nREADME 1.0000000000\n");
  });

  test("Setup does not perform migrations: an older state stays as it is", async () => {
    const old = `${STATE}/project-a/.local/share/opencode/storage/version-0`;
    await sh(`install -D -o opencode-project-a /dev/null ${old}; echo old > ${old}; touch -d @1 ${old}`);
    await supervised.systemctl("restart", "opencode-project-a-setup.service");
    assert.equal(await sh(`cat ${old}; stat -c %Y ${old}`), "old\n1\n");
  });

  test("Default state directory path, and Opencode state path resolves under HOME", async () => {
    await supervised.until("project-b", "ready");
    const { stdout } = await supervised.machine.exec(["ls", `${STATE}/project-b/.local/share/opencode`]);
    assert.match(stdout, /^opencode\.db$/m);
    assert.match(stdout, /^log$/m);
  });

  test("State root is independent from working directory", async () => {
    assert.equal(await sh("find /srv/project-b -mindepth 1"), "");
  });

  test("Operator can back up state directory, and restore it", async () => {
    const home = `${STATE}/project-b`;
    await supervised.systemctl("stop", "opencode-project-b.service", "opencode-project-b-setup.service");
    const earlier = await tree(home);
    await sh(
      `tar -C / --numeric-owner -cpf /root/state.tar ${home.slice(1)}; rm -rf ${home}; tar -C / -xpf /root/state.tar`,
    );
    assert.equal(await tree(home), earlier);
    await supervised.cli("start", "project-b");
    await supervised.until("project-b", "ready");
  });
});

describe("a host with every option set", () => {
  let supervised: Supervised;
  let host: NixosHost;
  const sh = async (script: string) => (await supervised.machine.sh(script)).stdout;
  before(async () => {
    supervised = await Supervised.up("nix-everything");
    host = await NixosHost.on(supervised.machine);
    await sh(`
      systemd-sysusers --inline 'u opencode-all -' 'u dev -' 'g users -' 'g audio -'
      install -d -o opencode-all -g opencode-all /srv/all /srv/shared
      install -d -o dev /srv/another
      install -d /srv/reference /srv/state /run/postgresql /opt/opencode/bin /opt/tools/bin
      echo 'Review.' > /srv/reference/review.md
      echo 'OPENCODE_FOO=from-the-file' > /run/secrets/all.env
      echo 'a-password' > /run/secrets/all.password
      echo '{"username":"from-the-file"}' > /run/secrets/opencode.json
      chmod 600 /run/secrets/all.*
      printf '#!/bin/sh\\nenv > ~/seen\\nexec sleep infinity\\n' > /opt/opencode/bin/opencode
      chmod 755 /opt/opencode/bin/opencode
      systemd-run --quiet --unit=database nc -lkU /run/postgresql/.s.PGSQL.5432`);
    await supervised.machine.waitFor(
      "the database",
      async () =>
        (await supervised.machine.exec(["test", "-S", "/run/postgresql/.s.PGSQL.5432"], { check: false })).code === 0,
    );
    await host.switch("everything");
  });
  after(async () => {
    await supervised?.down();
  });

  test("becomes ready, with its password", async () => {
    const { listen } = await supervised.until("all", "ready");
    assert.equal(listen?.port, 8787);
    const ask = (password: string) =>
      supervised.machine.exec([
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-u",
        `opencode:${password}`,
        "http://127.0.0.1:8787/config",
      ]);
    assert.equal((await ask("a-password")).stdout, "200");
    assert.equal((await ask("another")).stdout, "401");
  });

  test("Operator can back up state directory: an explicit one is made, closed, at its stable place", async () => {
    assert.equal(await sh("stat -c '%U %a' /srv/state/all"), "opencode-all 700\n");
    assert.match(await sh("ls -A /srv/state/all"), /^\.config$/m);
  });

  test("files are projected beside the config", async () => {
    assert.equal(await sh("cat /srv/state/all/.config/opencode/agent/review.md"), "Review.\n");
    assert.match(await sh("cat /srv/state/all/.config/opencode/opencode.json"), /"model":"local\/coder"/);
  });

  test("Explicit configFile bypasses generation: Service uses explicit configFile, as another user", async () => {
    await supervised.until("another-user", "starting");
    const home = `${STATE}/another-user`;
    assert.equal(await sh(`readlink ${home}/.config/opencode/opencode.json`), "/run/secrets/opencode.json\n");
    assert.equal(await supervised.show("opencode-another-user.service", "User"), "dev");
    await supervised.machine.waitFor("what it saw", async () =>
      (await sh(`cat ${home}/seen 2>/dev/null || true`)).includes(`HOME=${home}\n`),
    );
  });

  test("an operator's directives and limits hold", async () => {
    const shown = await sh(
      "systemctl show -p OOMScoreAdjust,Restart,TasksMax,MemoryMax,CPUQuotaPerSecUSec opencode-all.service | sort",
    );
    assert.equal(
      shown,
      "CPUQuotaPerSecUSec=1.500000s\nMemoryMax=2147483648\nOOMScoreAdjust=500\nRestart=always\nTasksMax=100\n",
    );
  });

  test("Disabled instance does not start", async () => {
    assert.equal((await supervised.instances()).get("off")?.state, "disabled");
    assert.equal((await supervised.machine.exec(["id", "opencode-off"], { check: false })).code, 1);
  });
});
