/** The sandbox as systemd makes it: the real opencode works in there, what an instance sees, and what it cannot do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { plainPath } from "../host.ts";
import { instance, MERGED } from "../testing.ts";
import { makeRootIn } from "./root.ts";
import { exists, host, MAIN, machine, OPENCODE, output, SETUP, seen, start } from "./testing.ts";

test("the real opencode becomes healthy, with its password, and both units score 1.2 at most", async () => {
  // Given
  const ask = (path: string, ...options: string[]) =>
    machine.exec(["curl", "-s", "-m", "3", "-w", " %{http_code}", ...options, `http://127.0.0.1:8787${path}`], {
      check: false,
    });
  // When
  assert.equal(await start(instance({ command: [OPENCODE] })), "done", await output());
  // Then
  await machine.waitFor("health", async (saw) => {
    const { stdout } = await ask("/global/health", "-u", "opencode:pw");
    saw(stdout + (await output()));
    return /"healthy":true.* 200$/.test(stdout);
  });
  assert.match((await ask("/global/health")).stdout, / 401$/);
  assert.match((await ask("/config", "-u", "opencode:pw")).stdout, / 200$/);
  assert.match((await ask("/session", "-u", "opencode:pw", "--json", "{}")).stdout, / 200$/);
  const scores = await machine.exec(["systemd-analyze", "security", "--no-pager", MAIN, SETUP], { check: false });
  process.stdout.write(scores.stdout.match(/→ .*/g)?.join("\n") ?? "");
  for (const unit of [MAIN, SETUP]) {
    const full = await machine.exec(["systemd-analyze", "security", "--no-pager", "--threshold=12", unit], {
      check: false,
    });
    assert.equal(full.code, 0, full.stdout);
  }
});

describe("what an instance sees", () => {
  test("its own project and state, what programs need, and nothing else of the host", async () => {
    // Given things of others in every usual place
    await machine.sh(`install -d -m 777 /var/lib/opencode/instance-state/b /srv/other /etc/opencode
      echo {} > /etc/opencode/opencode.json; echo theirs > /dev/shm/theirs; touch /run/theirs /tmp/theirs /home/theirs`);
    // When
    const said = await seen(
      "for d in / /etc /home /run /srv /tmp /var /var/lib /var/lib/opencode/* /dev/shm; do echo $d: $(ls $d); done",
    );
    // Then
    const kept = [...MERGED.files, ...MERGED.directories];
    const given = [...MERGED.runtimePaths.map(plainPath), ...kept, "/etc/passwd", "/etc/group"];
    const etc = given.filter((path) => path.startsWith("/etc/"));
    const lists = new Map(
      said
        .trim()
        .split("\n")
        .map((line) => [line.split(":")[0], line.replace(/^\S+: ?/, "").split(" ")]),
    );
    const root = [
      "bin",
      "dev",
      "etc",
      "home",
      "lib",
      "lib64",
      "proc",
      "root",
      "run",
      "sbin",
      "srv",
      "sys",
      "tmp",
      "usr",
      "var",
    ];
    assert.deepEqual(lists.get("/"), root);
    assert.deepEqual(
      lists.get("/etc")?.filter((name) => !etc.includes(`/etc/${name}`)),
      [],
    );
    // "systemd" is an empty directory of PID 1's; systemd 262 has no need of it any more.
    const run = lists.get("/run")?.filter((name) => name !== "systemd");
    assert.deepEqual(run, ["host", "opencode-supervisor", "user"]);
    assert.deepEqual(lists.get("/var/lib/opencode/instance-state"), ["a"]);
    assert.deepEqual(
      [lists.get("/srv"), lists.get("/var"), lists.get("/var/lib")],
      [["a"], ["lib", "tmp"], ["opencode"]],
    );
    for (const empty of ["/home", "/tmp", "/dev/shm"]) assert.deepEqual(lists.get(empty), [""]);
  });

  test("no process but its own", async () => {
    assert.match(await seen("echo /proc/[0-9]*; cat /proc/1/comm"), /^\/proc\/1 \/proc\/\d+\nopencode-init\n$/);
  });

  test("what was opened for it: paths, and sockets of a group it is in", async () => {
    // Given
    const listen =
      "import socket,os;s=socket.socket(socket.AF_UNIX);s.bind('/run/tool.sock');os.chmod('/run/tool.sock',0o660);os.chown('/run/tool.sock',0,GID);s.listen(9);s.accept();s.accept()";
    await machine.sh(`getent group tools || groupadd tools; install -d -m 777 /srv/rw /srv/ro; echo text > /srv/ro/file; rm -f /run/tool.sock
      systemd-run -q python3 -c "${listen.replace("GID", "$(getent group tools | cut -d: -f3)")}"`);
    await machine.waitFor(
      "the tool's socket",
      async () => (await machine.exec(["test", "-S", "/run/tool.sock"], { check: false })).code === 0,
    );
    const extra = {
      extraGroups: ["tools"],
      sandbox: { readWritePaths: ["/srv/rw"], readOnlyPaths: ["/srv/ro"], unixSockets: { allow: ["/run/tool.sock"] } },
    };
    // When
    const connect = `python3 -c "import socket; socket.socket(socket.AF_UNIX).connect('/run/tool.sock'); print('connected')"`;
    const said = await seen(
      `${connect}; cat /srv/ro/file; touch /srv/rw/new && echo written; touch /srv/ro/new 2>/dev/null || echo refused`,
      extra,
    );
    // Then
    assert.equal(said, "connected\ntext\nwritten\nrefused\n");
  });

  test("a project and a HOME below /home, and every argument as it was written, after a daemon-reload too", async () => {
    const directory = "/home/u/a-b+c$HOME%n";
    const stateDir = "/home/u/state";
    await machine.exec(["install", "-d", "-o", "opencode-a", directory, stateDir]);
    const extra = {
      directory,
      stateDir,
      sandbox: { readWritePaths: ["/srv/a"] },
      environment: { ODD: `a "b" $HOME %n \\ '` },
      extraArgs: ["$HOME", `\${HOME}`, "%n", 'a "b" \\'],
    };
    const script =
      'printf "%s|" "$PWD" "$HOME" "$ODD" "$@"; [ -L "$HOME/.config/opencode/opencode.json" ] && touch ./new';
    const serve = ["serve", "--print-logs", "--hostname", "127.0.0.1", "--port", "8787"];
    const said = `${[directory, stateDir, extra.environment.ODD, ...serve, ...extra.extraArgs].join("|")}|`;
    assert.equal(await seen(script, extra), said);
    // And the same when systemd has read its own copy of the units again
    await machine.sh(
      "rm /srv/a/seen; systemctl daemon-reload; systemctl restart opencode-a-setup.service opencode-a.service",
    );
    await machine.waitFor("the second run", () => exists("/srv/a/seen"));
    assert.equal(await machine.readFile("/srv/a/seen"), said);
  });

  test("of /sys its own control group only, by which programs know how much memory they may take", async () => {
    const look =
      "ls /sys /sys/fs; cat /sys/fs/cgroup/memory.max; node -p 'process.constrainedMemory()'; getconf _NPROCESSORS_ONLN";
    const limited = await machine.exec(["test", "-e", "/sys/fs/cgroup/init.scope/memory.max"], { check: false });
    const said = (await seen(look, { limits: { memoryMax: "300M" } })).split("\n");
    assert.deepEqual(said.slice(0, 4), ["/sys:", "fs", "", "/sys/fs:"]);
    assert.equal(said[4], "cgroup");
    // Where the memory controller belongs to another hierarchy there is no such file.
    if (limited.code === 0) assert.deepEqual(said.slice(5, 7), [String(300 << 20), String(300 << 20)]);
    assert.match(said.at(-2) ?? "", /^[1-9]/, "there are processors");
  });

  for (const [path, shown] of [
    ["/sys", "/sys/kernel/mm"],
    ["/sys/devices/system/cpu", "/sys/devices/system/cpu/online"],
    ["/etc/ssl", "/etc/ssl/private/key"],
    ["/etc/ssl/private", "/etc/ssl/private/key"],
  ] as const) {
    test(`${path}, for who is given it, with all that is in there`, async () => {
      await machine.sh(
        "install -d -m 755 /etc/ssl/private; install -m 640 -g opencode-a /dev/null /etc/ssl/private/key",
      );
      const spec = { sandbox: { readOnlyPaths: [path] } };
      await makeRootIn(machine, instance(spec), host);
      const said = await seen(
        `test -r ${shown} && echo there; test -r /etc/ssl/certs/ca-certificates.crt && echo certificates; touch ${path}/x`,
        spec,
      );
      assert.match(said, /^there\ncertificates\ntouch: .*(Read-only|Permission)/);
    });
  }

  test("a project of somebody else's: git takes it", async () => {
    await machine.sh("git -C /srv/a init -q; chown -R other /srv/a; chmod -R go+rwX /srv/a");
    assert.match(await seen("git status --short --branch"), /^## No commits yet on /);
  });
});

describe("what an instance cannot do", () => {
  const python = (attempt: string) => `python3 -c '
import socket
try: ${attempt}; print("done")
except OSError as e: print(e.strerror)'`;
  const DENIED: readonly (readonly [what: string, script: string, said: RegExp])[] = [
    ["write to what programs need", "touch /usr/x /etc/x /run/x /srv/x", /^(touch: cannot touch .*\n){4}$/],
    ["change its own config", "touch ~/.config/opencode/x", /Read-only file system/],
    [
      "put another folder in place of its config",
      "mv ~/.config ~/old; ls -d ~/old",
      /Device or resource busy(.*\n)+.*No such file/,
    ],
    ["use io_uring", "perl -e 'syscall(425, 8, 0) < 0 and print qq($!\\n)'", /^Operation not permitted\n$/],
    ["use netlink", python("socket.socket(16,3,0)"), /^Address family not supported by protocol\n$/],
    ["make a packet socket", python("socket.socket(17,3,0)"), /^Address family not supported by protocol\n$/],
    ["make a user namespace", "unshare --user true", /Operation not permitted/],
    ["make a UTS namespace", "unshare --uts true", /Operation not permitted/],
    [
      "become root",
      "setpriv --reuid 0 true; cat /proc/self/status | grep -E '^Cap(Eff|Bnd)' | grep -v 0000000000000000",
      /not permitted\n$/,
    ],
    [
      "reach an abstract socket of the host",
      python('socket.socket(socket.AF_UNIX).connect("\\0theirs")'),
      /^Operation not permitted\n$/,
    ],
    ["log as somebody else", "ls -L /run/systemd/journal /dev/log", /^(.*No such file.*\n){2}$/],
    ["mount", "mount -t tmpfs none /tmp", /must be superuser/],
    ["leave a set-user-id file", "cp /bin/true /tmp/t; chmod u+s /tmp/t", /Operation not permitted/],
  ];
  for (const [what, script, said] of DENIED) {
    test(what, async () => {
      await machine.sh(
        `systemctl is-active -q theirs || systemd-run -q --unit=theirs python3 -c "import socket,signal;s=socket.socket(socket.AF_UNIX);s.bind('\\0theirs');s.listen(9);signal.pause()"`,
      );
      assert.match(await seen(script), said);
    });
  }

  test("write on terminals: what it prints is no emergency in the journal, whatever a line begins with", async () => {
    // Given
    const say = "echo '<0>fire'";
    // When
    await start(instance({ command: ["/bin/sh", "-c", `${say}; exec sleep 1000`], postInitScript: say }));
    // Then
    for (const unit of [SETUP, MAIN]) {
      const [line] = await machine.waitFor(`a line of ${unit}`, async () => {
        const lines = await machine.journal({ matches: [`_SYSTEMD_UNIT=${unit}`], grep: "fire" });
        return lines.length > 0 && lines;
      });
      assert.deepEqual([line?.MESSAGE, line?.PRIORITY], ["<0>fire", "6"]);
    }
  });

  test("and none of it comes back with a daemon-reload", async () => {
    // Given
    const volatile =
      /^(WantsMountsFor|After|Requires|ExecMain|Memory|Tasks|CPUUsage|IO|IP.gress|ControlGroupId)|Timestamp/;
    const words = (line: string) =>
      line
        .replace(/ ; start_time.*/, "")
        .split(/[= ]/)
        .sort()
        .join(" ");
    const properties = async () =>
      (await machine.exec(["systemctl", "show", MAIN, SETUP])).stdout
        .split("\n")
        .filter((line) => !volatile.test(line) || line.startsWith("MemoryMax"))
        .map(words);
    await start(
      instance({
        command: [OPENCODE],
        networkIsolation: { enable: true },
        limits: { memoryMax: "50%", cpuQuota: "150%" },
      }),
    );
    const before = await properties();
    // When, then
    await machine.exec(["systemctl", "daemon-reload"]);
    assert.ok(before.length > 100);
    assert.deepEqual(await properties(), before);
  });
});
