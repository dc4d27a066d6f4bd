import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HOST_FILES } from "../spec/names.ts";
import type { UnitProperty } from "../spec/unit.ts";
import { SIGNATURES } from "../spec/unit.ts";
import { serveCommand } from "./command.ts";
import { dropIn } from "./drop-in.ts";
import { environment } from "./environment.ts";
import { type Host, runtimeOf } from "./host.ts";
import { instanceUnits } from "./properties.ts";
import { HOST, instance, valuesOf } from "./testing.ts";

const units = (extra: object = {}, host: Host = HOST) => instanceUnits(instance(extra), host);
const hash = (extra: object = {}, host: Host = HOST): string => units(extra, host).specHash;
const one = (properties: readonly UnitProperty[], name: UnitProperty[0]) => valuesOf(properties, name)[0];
/** The destinations of binds, `-` in front of those that may be missing. */
const binds = (properties: readonly UnitProperty[], name: "BindPaths" | "BindReadOnlyPaths"): string[] =>
  properties
    .flatMap((property) => (property[0] === name ? property[1] : []))
    .map(([from, to, optional]) => `${optional ? "-" : ""}${from === to ? to : `${from}:${to}`}`);
const ownBinds = (extra: object, host: Host = HOST) =>
  binds(units(extra, host).main, "BindReadOnlyPaths").slice(host.runtimePaths.length);

describe("the command", () => {
  const serve = ["serve", "--print-logs", "--hostname", "127.0.0.1", "--port", "8787"];
  const ROWS: readonly (readonly [what: string, extra: object, command: readonly string[]])[] = [
    ["opencode from PATH", {}, ["opencode", ...serve]],
    ["a package's", { package: "/opt/oc" }, ["/opt/oc/bin/opencode", ...serve]],
    ["another program with leading arguments", { command: ["nice", "opencode"] }, ["nice", "opencode", ...serve]],
    [
      "the log level before extraArgs, in order",
      { logLevel: "DEBUG", extraArgs: ["--cors", "x"] },
      ["opencode", ...serve, "--log-level", "DEBUG", "--cors", "x"],
    ],
  ];
  for (const [what, extra, command] of ROWS) test(what, () => assert.deepEqual(serveCommand(instance(extra)), command));

  test("is in the drop-in where the file says so, and the hash follows the drop-in", () => {
    const installed = (digit: string) => ({ dropIn: { hash: digit.repeat(64) } });
    const { setup, main } = units(installed("a"));
    assert.deepEqual([...valuesOf(setup, "ExecStartEx"), ...valuesOf(main, "ExecStartEx")], []);
    const hashes = [hash(installed("a")), hash(installed("b")), hash()];
    assert.equal(new Set(hashes).size, 3);
  });

  test("runs under init, with Landlock's scopes where the host has them, its arguments as they are", () => {
    const exec = (host: Host) => one(units({}, host).main, "ExecStartEx");
    const { init } = HOST.programs;
    const command = serveCommand(instance());
    assert.deepEqual(exec(HOST), [[init, [init, "--landlock-scopes", "--", ...command], ["no-env-expand"]]]);
    assert.deepEqual(exec({ ...HOST, landlockScopes: false }), [[init, [init, "--", ...command], ["no-env-expand"]]]);
  });
});

describe("the environment", () => {
  test("by default: HOME, PATH, git's trust in the project, and what keeps opencode at home", () => {
    assert.deepEqual(environment(instance(), HOST), [
      "GIT_CONFIG_COUNT=1",
      "GIT_CONFIG_KEY_0=safe.directory",
      "GIT_CONFIG_VALUE_0=/srv/a",
      "HOME=/var/lib/opencode/instance-state/a",
      "OPENCODE_DISABLE_AUTOUPDATE=1",
      "OPENCODE_DISABLE_LSP_DOWNLOAD=1",
      "OPENCODE_DISABLE_MODELS_FETCH=1",
      "OPENCODE_DISABLE_SHARE=1",
      "PATH=/usr/local/bin:/usr/bin:/bin",
    ]);
  });

  const { features } = instance();
  for (const feature of Object.keys(features).filter((name): name is keyof typeof features => name in features)) {
    test(`features.${feature} is one variable, there or not`, () => {
      const [on, off] = [true, false].map((value) => environment(instance({ features: { [feature]: value } }), HOST));
      const differing = [...new Set([...(on ?? []), ...(off ?? [])])].filter(
        (line) => !(on?.includes(line) && off?.includes(line)),
      );
      assert.equal(differing.length, 1);
      assert.match(differing[0] ?? "", /^OPENCODE_[A-Z_]+=1$/);
    });
  }

  test("the operator's own wins, and path comes first", () => {
    const lines = environment(
      instance({ environment: { OPENCODE_DISABLE_SHARE: "0", FOO: "bar" }, path: ["/opt/a", "/opt/b"] }),
      HOST,
    );
    assert.deepEqual(
      lines.filter((line) => /SHARE|FOO|^PATH/.test(line)),
      ["FOO=bar", "OPENCODE_DISABLE_SHARE=0", "PATH=/opt/a:/opt/b:/usr/local/bin:/usr/bin:/bin"],
    );
  });

  test("files: the password for main only and first, the operator's for both", () => {
    const { main, setup } = units({ environmentFile: "/run/secrets/a.env" });
    const password = "/run/opencode-supervisor/credentials/a.env";
    assert.deepEqual(one(main, "EnvironmentFiles"), [
      [password, false],
      ["/run/secrets/a.env", false],
    ]);
    assert.deepEqual(one(setup, "EnvironmentFiles"), [["/run/secrets/a.env", false]]);
  });
});

describe("the file system", () => {
  test("by default: the project writable, the state made by systemd, the config beside the runtime", () => {
    const { main } = units();
    assert.deepEqual(binds(main, "BindPaths"), ["/srv/a"]);
    assert.deepEqual(one(main, "StateDirectory"), ["opencode/instance-state/a"]);
    assert.deepEqual(binds(main, "BindReadOnlyPaths"), [
      ...HOST.runtimePaths,
      "/run/opencode-supervisor/config/a/opencode.json",
    ]);
    assert.equal(one(main, "RootDirectory"), "/run/opencode-supervisor/root/a");
  });

  test("the host's own links are links; a directory that is none, or that leads out of what is bound, is bound", () => {
    const links: Readonly<Record<string, string>> = { "/bin": "usr/bin", "/lib": "/usr/lib", "/sbin": "/opt/sbin" };
    const runtime = runtimeOf("fhs", (path) => links[path] ?? null);
    assert.deepEqual(runtime.links, { "/bin": "usr/bin", "/lib": "usr/lib" });
    assert.deepEqual(runtime.runtimePaths.slice(-2), ["-/lib64", "-/sbin"]);
    assert.ok(runtime.runtimePaths.includes(HOST_FILES));
    assert.ok(runtimeOf("nixos", () => null).runtimePaths.includes(HOST_FILES));
  });

  test("what is there by a link or kept for all is not bound once more; accounts are, for who asks for them", () => {
    const readOnlyPaths = ["/etc/hosts", "/bin/sh", "/etc/passwd"];
    assert.deepEqual(ownBinds({ sandbox: { readOnlyPaths } }).slice(1), ["/etc/passwd"]);
  });

  test("a state directory elsewhere is bound, not made", () => {
    const { main } = units({ stateDir: "/data/a" });
    assert.deepEqual(binds(main, "BindPaths"), ["/srv/a", "/data/a"]);
    assert.deepEqual(valuesOf(main, "StateDirectory"), []);
  });

  test("everything that was given, once, at its own path; what lies in the runtime is there already", () => {
    const given = {
      command: ["/opt/run"],
      path: ["/opt/tools", "/usr/games"],
      configFile: "/etc/oc.json",
      configDirFiles: { "a.md": "/etc/a.md", "b.md": "/etc/a.md" },
      sandbox: {
        readWritePaths: ["/data"],
        readOnlyPaths: ["/opt/ro", "/usr/share/x"],
        unixSockets: { allow: ["/run/x.sock"] },
      },
    };
    assert.deepEqual(ownBinds(given), [
      "/opt/run",
      "/opt/tools",
      "/etc/oc.json",
      "/etc/a.md",
      "/opt/ro",
      "-/run/x.sock",
    ]);
    assert.deepEqual(binds(units(given).main, "BindPaths"), ["/srv/a", "/data"]);
  });

  test("programs off the runtime are bound", () => {
    const programs = { init: "/opt/s/init", node: "/opt/s/node", setup: "/opt/s/setup/main.js", shell: "/bin/sh" };
    assert.deepEqual(ownBinds({}, { ...HOST, programs }).slice(0, 3), ["/opt/s/init", "/opt/s/node", "/opt/s/setup"]);
  });

  test("main reads its config directory only; setup writes it", () => {
    const { main, setup } = units();
    assert.deepEqual(one(main, "ReadOnlyPaths"), ["+/var/lib/opencode/instance-state/a/.config/opencode"]);
    assert.deepEqual(valuesOf(setup, "ReadOnlyPaths"), []);
  });
});

test("setup is one command; the hooks run before and after the core, each under an init of its own", () => {
  const { init, node, setup: program, shell } = HOST.programs;
  const core = JSON.stringify({
    home: "/var/lib/opencode/instance-state/a",
    directory: "/srv/a",
    config: "/run/opencode-supervisor/config/a/opencode.json",
    files: {},
  });
  const steps = '"$0" -- "$1" -e -c "$2" && "$0" -- "$4" "$5" "$6" && "$0" -- "$1" -e -c "$3"';
  const hooked = (pre: string, post: string) => [shell, "-e", "-c", steps, init, shell, pre, post, node, program, core];
  const cases: readonly (readonly [spec: object, argv: readonly string[]])[] = [
    [{}, [node, program, core]],
    [{ preInitScript: "echo $A", postInitScript: "b" }, hooked("echo $A", "b")],
    [{ postInitScript: "b" }, hooked("", "b")],
  ];
  for (const [spec, argv] of cases) {
    const command = [init, [init, "--landlock-scopes", "--", ...argv], ["no-env-expand"]];
    assert.deepEqual(one(units(spec).setup, "ExecStartEx"), [command]);
  }
});

test("setup whose view of files could not be made is tried again, and for nothing else", () => {
  const of = (systemdVersion: number, name: UnitProperty[0]) => one(units({}, { ...HOST, systemdVersion }).setup, name);
  assert.deepEqual([of(256, "RestartForceExitStatus"), of(256, "Restart")], [[[226], []], undefined]);
  assert.deepEqual([of(255, "RestartForceExitStatus"), of(255, "Restart")], [undefined, "on-failure"]);
  const prevented = JSON.stringify(of(255, "RestartPreventExitStatus"));
  const but226 = Array.from({ length: 255 }, (_, index) => index + 1).filter((status) => status !== 226);
  assert.equal(prevented, JSON.stringify([but226, Array.from({ length: 31 }, (_, index) => index + 1)]));
});

const LIMITS: readonly (readonly [limits: object, property: UnitProperty])[] = [
  [{ memoryMax: 1000 }, ["MemoryMax", 1000n]],
  [{ memoryMax: "3K" }, ["MemoryMax", 3072n]],
  [{ memoryMax: "2G" }, ["MemoryMax", 2n << 30n]],
  [{ memoryMax: "1T" }, ["MemoryMax", 1n << 40n]],
  [{ memoryMax: "50%" }, ["MemoryMaxScale", 0x7fffffff]],
  [{ memoryMax: "100%" }, ["MemoryMaxScale", 0xffffffff]],
  [{ cpuQuota: "150%" }, ["CPUQuotaPerSecUSec", 1_500_000n]],
  [{ tasksMax: 7 }, ["TasksMax", 7n]],
];
for (const [limits, [name, value]] of LIMITS) {
  test(`limits ${JSON.stringify(limits)} are ${name}=${value} on both units`, () => {
    const { main, setup } = units({ limits });
    for (const properties of [main, setup]) assert.deepEqual(valuesOf(properties, name), [value]);
  });
}

describe("the drop-in", () => {
  const configured = (serviceConfig: object) => instance({ sandbox: { serviceConfig } });
  test("there is none without directives", () => assert.equal(dropIn(instance()), null));
  test("a line for each value, sorted by name, as unit files spell them", () => {
    const text = dropIn(
      configured({ UMask: "0027", LimitNOFILE: 1024, ProtectClock: false, SystemCallFilter: ["", "@system-service"] }),
    );
    assert.equal(
      text,
      "[Service]\nLimitNOFILE=1024\nProtectClock=no\nSystemCallFilter=\nSystemCallFilter=@system-service\nUMask=0027\n",
    );
  });
  test("setup has no directives about running a server", () => {
    const spec = configured({ Restart: "always", TimeoutStopSec: 5, OOMPolicy: "stop", UMask: "0027" });
    assert.equal(dropIn(spec, "setup"), "[Service]\nUMask=0027\n");
    assert.equal(dropIn(configured({ Restart: "no" }), "setup"), null);
  });
  test("no value becomes a second directive", () => {
    const spec = (value: string) => ({
      name: "a",
      sandbox: { ...instance().sandbox, serviceConfig: { UMask: value } },
    });
    for (const value of ["0027\nUser=root", "0027\rUser=root", "a\0b"])
      assert.throws(() => dropIn(spec(value)), /a: sandbox\.serviceConfig\.UMask: is not one directive/);
    assert.equal(dropIn(spec("0027\\")), "[Service]\nUMask=0027\\\n\n");
  });
});

describe("the hash", () => {
  const CHANGES: readonly object[] = [
    { directory: "/srv/b" },
    { stateDir: "/data/a" },
    { user: "u" },
    { user: "u", group: "g" },
    { extraGroups: ["g"] },
    { package: "/opt/oc" },
    { command: ["oc"] },
    { listen: { port: 1234 } },
    { listen: { port: 8787, address: "::1" } },
    { passwordFile: "/etc/p" },
    { environment: { A: "1" } },
    { environmentFile: "/etc/e" },
    { path: ["/opt/x"] },
    { extraArgs: ["--cors", "x"] },
    { logLevel: "INFO" },
    { features: { share: true } },
    { limits: { memoryMax: "1G" } },
    { limits: { tasksMax: 9 } },
    { limits: { cpuQuota: "50%" } },
    { limits: { hookTimeout: 9 } },
    { configFile: "/etc/c.json" },
    { config: { model: "a/b" } },
    { configDirFiles: { "a.md": "/etc/a.md" } },
    { preInitScript: "a" },
    { postInitScript: "a" },
    { sandbox: { readWritePaths: ["/data"] } },
    { sandbox: { readOnlyPaths: ["/data"] } },
    { sandbox: { unixSockets: { allow: ["/data/s"] } } },
    { sandbox: { serviceConfig: { UMask: "0027" } } },
    { sandbox: { serviceConfig: { Restart: "always" } } },
  ];
  test("differs for everything that calls for a restart", () => {
    const hashes = [{}, ...CHANGES].map((extra) => hash(extra));
    assert.equal(new Set(hashes).size, CHANGES.length + 1);
  });

  const LIVE: readonly object[] = [
    { networkIsolation: { enable: true } },
    {
      networkIsolation: {
        enable: true,
        mode: "audit",
        outboundAllowCidrs: ["10.0.0.0/8"],
        dns: ["192.0.2.1"],
        allowLoopbackPorts: [1],
      },
    },
    { listen: { port: 8787, extraPorts: [3000], allowFrom: [] } },
    { openFirewall: true },
  ];
  for (const extra of LIVE)
    test(`is the same with ${JSON.stringify(extra)}: it changes live`, () => assert.equal(hash(extra), hash()));

  test("is the same whatever the order of keys", () => {
    const entries = fc.dictionary(fc.stringMatching(/^[A-Z]{1,3}$/), fc.stringMatching(/^[a-z]{0,4}$/));
    fc.assert(
      fc.property(entries, (environment) => {
        const reversed = Object.fromEntries(Object.entries(environment).reverse());
        assert.equal(hash({ environment, config: environment }), hash({ environment: reversed, config: reversed }));
      }),
      { numRuns: 30 },
    );
  });

  test("and the instance's name are on every journal entry of both units", () => {
    const { main, setup, specHash } = units();
    assert.match(specHash, /^[0-9a-f]{64}$/);
    for (const properties of [main, setup])
      assert.deepEqual(one(properties, "LogExtraFields"), ["OPENCODE_INSTANCE=a", `OPENCODE_SPEC_HASH=${specHash}`]);
  });
});

describe("relaxations", () => {
  const old: Host = { ...HOST, landlockScopes: false };
  const isolated = { networkIsolation: { enable: true } };
  const families = (extra: object, host: Host) => one(units(extra, host).main, "RestrictAddressFamilies");

  test("none by default", () => assert.deepEqual(units().relaxations, []));

  test("a line for each option that opens something", () => {
    const sandbox = {
      readWritePaths: ["/data"],
      unixSockets: { allow: ["/run/s"] },
      serviceConfig: { ProtectClock: false },
    };
    assert.deepEqual(units({ sandbox, ...isolated, listen: { port: 8787, address: "0.0.0.0" } }).relaxations, [
      "sandbox.readWritePaths: may write /data",
      "sandbox.unixSockets.allow: may connect to /run/s",
      "sandbox.serviceConfig: ProtectClock=no",
      "listen.allowFrom is empty and listen.address is not loopback: no second network layer (IPAddressDeny=)",
    ]);
  });

  test("without Landlock's scopes an isolated instance loses Unix sockets, unless it was given some", () => {
    assert.deepEqual(families(isolated, old), [true, ["AF_INET", "AF_INET6"]]);
    assert.match(units(isolated, old).relaxations[0] ?? "", /no Landlock scopes .*: isolated, so without Unix sockets/);
    const given = { ...isolated, sandbox: { unixSockets: { allow: ["/run/s"] } } };
    for (const extra of [{}, given]) {
      assert.deepEqual(families(extra, old), [true, ["AF_INET", "AF_INET6", "AF_UNIX"]]);
      assert.match(units(extra, old).relaxations.at(-1) ?? "", /abstract Unix sockets are shared with the host$/);
    }
  });

  test("what an older systemd lacks", () => {
    const { relaxations } = units({}, { ...HOST, systemdVersion: 256 });
    assert.match(relaxations.join("\n"), /^systemd 256 is older than 257: PrivatePIDs= is weaker or missing; .*$/);
  });
});

test("the same spec gives the same units; every property has a signature, and only filters come twice", () => {
  const { main, setup } = units();
  assert.deepEqual(units(), units());
  for (const properties of [main, setup]) {
    const names = properties.map(([name]) => name);
    assert.deepEqual(
      names.filter((name) => !(name in SIGNATURES)),
      [],
    );
    assert.deepEqual(
      names.filter((name, at) => names.indexOf(name) !== at),
      ["SystemCallFilter"],
    );
  }
});
