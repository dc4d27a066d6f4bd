/** The units as systemd runs them: what an instance sees, what it cannot do, and that the real opencode works in there. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { INSTALLED, NODE_DIR, opencodeBinary } from "../../testbed/host.ts";
import { Machine } from "../../testbed/machine.ts";
import { DBusSystemd } from "../daemon/systemd/dbus.ts";
import { credentialFile, mainUnit, renderedConfig, rootDir, setupUnit } from "../spec/names.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import { addressFilter } from "./address-filter.ts";
import { dropIn } from "./drop-in.ts";
import { type Host, RUNTIME } from "./host.ts";
import { instanceUnits } from "./properties.ts";
import { instance } from "./testing.ts";

const OPENCODE = `${INSTALLED}/${opencodeBinary()}`;
const INIT = `${INSTALLED}/packages/sandbox-init/build/opencode-init`;
const HOME = "/var/lib/opencode/instance-state/a";
const MAIN = mainUnit("a");
const SETUP = setupUnit("a");

let machine: Machine;
let systemd: DBusSystemd;
let host: Host;

before(async () => {
  machine = await Machine.up({ name: "sandbox" });
  systemd = await DBusSystemd.connect(`unix:path=/proc/${machine.pid}/root/run/dbus/system_bus_socket`);
  const abi = await machine.exec([INIT, "--probe"]);
  host = {
    systemdVersion: systemd.version,
    landlockScopes: Number(abi.stdout) >= 6,
    programs: {
      init: INIT,
      node: `${INSTALLED}/${NODE_DIR}/bin/node`,
      setup: `${INSTALLED}/src/setup/main.ts`,
      shell: "/bin/sh",
    },
    ...RUNTIME.fhs,
  };
  await machine.sh("useradd --system --no-create-home --user-group opencode-a; useradd --system other");
  await machine.writeFile("/etc/systemd/system/opencode.slice", "[Slice]\nIPAddressDeny=any\n");
  await machine.exec(["systemctl", "daemon-reload"]);
});
after(async () => {
  await systemd?.close();
  await machine?.down();
});

/** A machine with nothing of instance `a` but its project. */
beforeEach(async () => {
  for (const unit of [MAIN, SETUP]) {
    await systemd.stop(unit);
    await systemd.resetFailed(unit);
  }
  await machine.sh(`rm -rf ${HOME} ${rootDir("a")} /srv/a /run/systemd/system/opencode-a*.d
    install -d ${rootDir("a")}
    install -d -o opencode-a -g opencode-a /srv/a`);
  await machine.writeFile(credentialFile("a"), "OPENCODE_SERVER_PASSWORD=pw\n", 0o600);
  await machine.writeFile(renderedConfig("a"), '{"$schema":"https://opencode.ai/config.json"}');
});

const start = (spec: InstanceSpec) => {
  const { main, setup } = instanceUnits(spec, host);
  return systemd.startTransient({ unit: MAIN, properties: main }, [{ unit: SETUP, properties: setup }]);
};
/** What the units printed, with why if nothing came. */
const output = async (unit = MAIN): Promise<string> =>
  (await machine.exec(["journalctl", "-o", "cat", "--no-pager", `_SYSTEMD_UNIT=${unit}`, "+", `UNIT=${unit}`])).stdout;

const exists = async (path: string): Promise<boolean> =>
  (await machine.exec(["test", "-e", path], { check: false })).code === 0;

/** Runs a script in place of the server, and answers with what it said. */
async function seen(script: string, extra: object = {}): Promise<string> {
  await machine.writeFile(
    "/srv/a/script",
    `exec >/srv/a/.seen 2>&1\n${script}\nmv /srv/a/.seen /srv/a/seen\nexec sleep 1000`,
  );
  await start(instance({ command: ["/bin/sh", "/srv/a/script"], ...extra }));
  await machine.waitFor("the script's end", async (saw) => {
    saw((await output(SETUP)) + (await output()));
    return exists("/srv/a/seen");
  });
  return machine.readFile("/srv/a/seen");
}

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
    const etc = RUNTIME.fhs.runtimePaths
      .map((path) => path.replace(/^-/, ""))
      .filter((path) => path.startsWith("/etc/"));
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
    assert.deepEqual(lists.get("/run"), ["host", "opencode-supervisor", "systemd", "user"]);
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
    ["log as somebody else", "ls /run/systemd/journal /dev/log", /^(.*No such file.*\n){2}$/],
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

  test("and none of it comes back with a daemon-reload", async () => {
    // Given
    const volatile = /^(WantsMountsFor|After|Requires|ExecMain|Memory|Tasks|CPUUsage|IO|IP.gress)|Timestamp/;
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

describe("setup", () => {
  const order = (name: string) => `echo ${name} >> /srv/a/order; id -un >> /srv/a/order`;

  test("preInitScript runs before setup actions, postInitScript after, both as the user and with its environment", async () => {
    const preInitScript = `${order("pre")}\n[ ! -e ~/.config ] && echo "$API '$HOME' %n" >> /srv/a/order`;
    const postInitScript = `[ -L ~/.config/opencode/opencode.json ]\n${order("post")}`;
    assert.equal(
      await start(
        instance({ command: ["/bin/sleep", "1000"], preInitScript, postInitScript, environment: { API: "x" } }),
      ),
      "done",
      await output(SETUP),
    );
    assert.equal(await machine.readFile("/srv/a/order"), `pre\nopencode-a\nx '${HOME}' %n\npost\nopencode-a\n`);
  });

  for (const [field, reached] of [
    ["preInitScript", ""],
    ["postInitScript", ".config\n.local\n"],
  ] as const) {
    test(`hook failure fails setup: ${field}, and main does not start`, async () => {
      assert.equal(
        await start(instance({ command: [OPENCODE], [field]: "false; echo on >> /srv/a/on" })),
        "dependency",
      );
      assert.equal((await machine.exec(["systemctl", "show", "-P", "ExecMainStatus", SETUP])).stdout, "1\n");
      assert.equal((await machine.exec(["ls", "-A", HOME])).stdout, reached);
      assert.equal(await exists("/srv/a/on"), false);
    });
  }

  test("a hook that hangs is ended at its limit, with all that it has started", async () => {
    const preInitScript = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 777' & sleep 777 & wait; sleep 777";
    const started = await start(instance({ command: [OPENCODE], preInitScript, limits: { hookTimeout: 1 } }));
    assert.equal(started, "dependency");
    assert.equal((await machine.exec(["systemctl", "show", "-P", "Result", SETUP])).stdout, "timeout\n");
    await machine.waitFor(
      "nothing is left",
      async () => (await machine.exec(["pgrep", "-f", "sleep 777"], { check: false })).code === 1,
    );
  });

  test("what a hook leaves running is gone when the next step starts", async () => {
    const preInitScript = "setsid sleep 778 >/dev/null 2>&1 &";
    const postInitScript = "! pgrep -x sleep";
    assert.equal(
      await start(instance({ command: ["/bin/sleep", "1000"], preInitScript, postInitScript })),
      "done",
      await output(SETUP),
    );
    assert.equal((await machine.exec(["pgrep", "-f", "sleep 778"], { check: false })).code, 1);
  });

  test("Setup is idempotent: run again by hand, it changes nothing", async () => {
    await start(instance({ command: ["/bin/sleep", "1000"] }));
    const tree = async () => (await machine.sh(`find ${HOME} /srv/a -printf '%p %i %m %u %l %T@ %C@\n' | sort`)).stdout;
    const first = await tree();
    await machine.exec(["systemctl", "restart", SETUP]);
    assert.equal(await tree(), first);
    assert.match(
      first,
      /\.config\/opencode\/opencode\.json \d+ 777 opencode-a \/run\/opencode-supervisor\/config\/a\/opencode\.json /,
    );
  });

  test("says what is wrong with a project that it cannot write", async () => {
    await machine.exec(["chown", "root", "/srv/a"]);
    assert.equal(await start(instance({ command: [OPENCODE] })), "dependency");
    assert.match(
      await output(SETUP),
      /^setup: directory \/srv\/a is not writable by user opencode-a; run: chown opencode-a \/srv\/a$/m,
    );
  });
});

describe("main", () => {
  const state = async () => {
    const { stdout } = await machine.exec(["systemctl", "show", "-p", "ActiveState,Result,NRestarts,MainPID", MAIN]);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("=")),
    );
  };
  const PATIENT = "trap 'echo bye > /srv/a/bye; exit 0' TERM; while :; do sleep 0.05; done";

  test("gets SIGTERM and the time to end by itself when it is stopped", async () => {
    await seen(`(${PATIENT}) & echo $!`);
    await machine.exec(["systemctl", "stop", MAIN]);
    assert.equal(await machine.readFile("/srv/a/bye"), "bye\n");
    assert.notEqual((await state()).ActiveState, "failed");
  });

  for (const [what, script] of [
    ["ends with an error", "exit 3"],
    ["is killed", "kill -KILL $$"],
    ["is ended by its own agent (pkill opencode)", "kill -TERM $$"],
  ] as const) {
    test(`comes back when it ${what}`, async () => {
      await machine.writeFile("/srv/a/script", script);
      await start(instance({ command: ["/bin/sh", "/srv/a/script"] }));
      await machine.waitFor("a restart", async (saw) => {
        const now = await state();
        saw(now);
        return Number(now.NRestarts) > 0;
      });
    });
  }

  test("Environment file overrides inline environment value, and the password comes before both", async () => {
    await machine.writeFile("/etc/a.env", "API_BASE=https://secret-override\n", 0o600);
    const extra = { environment: { API_BASE: "https://sample", PLAIN: "1" }, environmentFile: "/etc/a.env" };
    const said = await seen(
      'echo "$API_BASE $PLAIN $OPENCODE_SERVER_PASSWORD $HOME"; [ -w "$HOME" ] && echo writable',
      extra,
    );
    assert.equal(said, `https://secret-override 1 pw ${HOME}\nwritable\n`);
    assert.doesNotMatch((await machine.exec(["systemctl", "show", MAIN])).stdout, /secret-override|=pw/);
  });

  test("Declared tool is available in runtime PATH", async () => {
    await machine.writeFile("/opt/tools/bin/our-tool", "#!/bin/sh\necho ours\n", 0o755);
    assert.equal(await seen("our-tool", { path: ["/opt/tools/bin"] }), "ours\n");
  });

  test("an operator's own directives are applied last, to both units", async () => {
    const spec = instance({
      command: ["/bin/sleep", "1000"],
      sandbox: { serviceConfig: { Restart: "always", UMask: "0027", SystemCallFilter: ["", "@system-service"] } },
    });
    for (const [unit, role] of [
      [MAIN, "main"],
      [SETUP, "setup"],
    ] as const)
      await machine.writeFile(`/run/systemd/system/${unit}.d/50-service-config.conf`, dropIn(spec, role) ?? "");
    assert.equal(await start(spec), "done", await output(SETUP));
    const shown = (unit: string) => machine.exec(["systemctl", "show", "-p", "Restart,UMask", unit]);
    assert.equal((await shown(MAIN)).stdout, "Restart=always\nUMask=0027\n");
    assert.equal((await shown(SETUP)).stdout, "Restart=no\nUMask=0027\n");
  });

  test("its address filter is in force, and changes while it runs", async () => {
    // Given an isolated instance that asks the host's own address, which is not loopback's
    await machine.sh(
      `ip addr replace 10.9.9.9/32 dev lo
      systemd-run -q --unit=server ${host.programs.node} -e "require('http').createServer((_, to) => to.end('hello')).listen(8123, '10.9.9.9')"`,
    );
    await machine.waitFor(
      "the server",
      async () => (await machine.exec(["curl", "-s", "http://10.9.9.9:8123"], { check: false })).code === 0,
    );
    const isolated = { networkIsolation: { enable: true, outboundAllowCidrs: [] as string[] } };
    const ask = "curl -s -m 1 -o /dev/null http://10.9.9.9:8123";
    const said = await seen(
      `${ask} && echo reached || echo refused; { until ${ask}; do :; done; touch reached; } &`,
      isolated,
    );
    assert.equal(said, "refused\n");
    // When its allow-list grows
    isolated.networkIsolation.outboundAllowCidrs.push("10.9.9.9/32");
    const { allow, deny } = addressFilter(instance(isolated));
    await systemd.setProperties(MAIN, [
      ["IPAddressAllow", []],
      ["IPAddressAllow", allow],
      ["IPAddressDeny", []],
      ["IPAddressDeny", deny],
    ]);
    // Then
    await machine.waitFor("an answer", () => exists("/srv/a/reached"));
    assert.equal((await state()).NRestarts, "0");
  });
});
