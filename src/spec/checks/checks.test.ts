/** What the checks find in one instance, each mistake with all that is said of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { good, parseInstances, said } from "../fixtures.ts";

const ACCOUNT_FIX = "write an account made for this instance, or leave it out";

const NAMES: readonly (readonly [name: string, ...problems: readonly string[]])[] = [
  ["a"],
  ["project-1"],
  ["a--b"],
  ["setup"],
  ["supervisory"],
  ["n".repeat(22)],
  ["supervisor", "the name is the supervisor's own; choose another name"],
  ["supervisor-x", "the name is the supervisor's own; choose another name"],
  ["a-setup", 'the name ends in "-setup", as the setup units of instances do; choose another name'],
  [
    "n".repeat(23),
    `the user name made from it, "opencode-${"n".repeat(23)}", has 32 characters; 31 is the limit; shorten the name to 22 characters, or set "user"`,
  ],
  ["n".repeat(64), "the name has 64 characters; write 63 at most"],
  ...["1a", "A", "a-", "-a", "a_b", "a.b", "a/b", ".."].map(
    (name) =>
      [
        name,
        `"${name}" is not a name for an instance; write a-z, 0-9 and "-", with a letter first and no "-" last`,
      ] as const,
  ),
  ["", '"" is not a name for an instance; write a-z, 0-9 and "-", with a letter first and no "-" last'],
];

describe("names", () => {
  for (const [name, ...problems] of NAMES) {
    test(JSON.stringify(name), () => {
      const lines = parseInstances({ [name]: good() }).problems.map(({ field, what, fix }) => [
        field,
        `${what}; ${fix}`,
      ]);
      assert.deepEqual(
        lines,
        problems.map((line) => ["", line]),
      );
    });
  }

  test("a long name with a user of its own is good", () => {
    assert.deepEqual(said(parseInstances({ ["n".repeat(63)]: good({ user: "dev" }) })), []);
  });
});

const TUI = "is not a flag of `serve`, which ends at it; remove it";
const MODEL = 'is not a flag of `serve`, which ends at it; write it in "config": {"model": "provider/model"}';
const ENDS = "makes it print a text and end; remove it";
const MDNS = 'announces the server to the local network; remove it; use "listen" to let others in';

/** A flag in `extraArgs`, and what is said of it. */
const FLAGS: readonly (readonly [arg: string, problem: string | null])[] = [
  ["--model", MODEL],
  ["--model=a/b", MODEL],
  ["-m", MODEL],
  ["-m=a/b", MODEL],
  ["-mx", MODEL],
  ["--provider", MODEL],
  ["--agent", 'is not a flag of `serve`, which ends at it; write it in "config": {"default_agent": "name"}'],
  ["--prompt=hello\tyou", TUI],
  ["-p", TUI],
  ["--continue", TUI],
  ["-c", TUI],
  ["--session", TUI],
  ["-s", TUI],
  ["--fork", TUI],
  ["--auto", TUI],
  ["-cs", TUI],
  ["--help", ENDS],
  ["-h", ENDS],
  ["--version", ENDS],
  ["-v", ENDS],
  ["--hostname", 'is set by the supervisor; write "listen.address"'],
  ["--hostname=0.0.0.0", 'is set by the supervisor; write "listen.address"'],
  ["--port=1", 'is set by the supervisor; write "listen.port"'],
  ["--log-level", 'is set by the supervisor; write "logLevel"'],
  ["--logLevel=INFO", 'is set by the supervisor; write "logLevel"'],
  ["--print-logs", "is set by the supervisor; remove it"],
  ["--no-print-logs", "is set by the supervisor; remove it"],
  ["--no-printLogs", "is set by the supervisor; remove it"],
  ["--mdns", MDNS],
  ["--mdns-domain=x", MDNS],
  ["--pure", null],
  ["--cors", null],
  ["https://example.org", null],
  ["model", null],
  ["--modelling", null],
  ["-", null],
  ["--", null],
  ["-1", null],
  ["", null],
];

describe("flags in extraArgs", () => {
  for (const [arg, problem] of FLAGS) {
    test(JSON.stringify(arg), () => {
      const shown = JSON.stringify(arg).replace("\\t", "\\u0009");
      const expected = problem === null ? [] : [`x: extraArgs[0]: ${shown} ${problem}`];
      assert.deepEqual(said(parseInstances({ x: good({ extraArgs: [arg] }) })), expected);
    });
  }
});

/** Parts of one instance, and all that is said of them. */
const ROWS: readonly (readonly [title: string, extra: object, ...problems: readonly string[]])[] = [
  ["root", { user: "root" }, `user: "root" is not confined by anything; ${ACCOUNT_FIX}`],
  ["root's group", { group: "root" }, `group: "root" is not confined by anything; ${ACCOUNT_FIX}`],
  [
    "root among the groups",
    { extraGroups: ["dev", "root"] },
    `extraGroups[1]: "root" is not confined by anything; ${ACCOUNT_FIX}`,
  ],
  ["nobody", { user: "nobody" }, `user: "nobody" owns what belongs to no one; ${ACCOUNT_FIX}`],
  [
    "command and package",
    { command: ["x"], package: "/opt/x" },
    'command: both "command" and "package" are set; keep one of them',
  ],
  [
    "a relative program",
    { command: ["./x"] },
    'command[0]: "./x" is a relative path; write an absolute path, or a bare name found on PATH',
  ],
  [
    "a program that cannot be bound",
    { command: ["/opt/my tools/x"] },
    'command[0]: "/opt/my tools/x" holds a blank, a colon, a quote or a backslash, which systemd cannot bind reliably; write a path without them; a symbolic link can lead there',
  ],
  ["a bare program", { command: ["opencode", "--x"] }],
  ["HOME", { environment: { HOME: "/x" } }, 'environment.HOME: "HOME" is the state directory; write "stateDir"'],
  ["PATH", { environment: { PATH: "/x" } }, 'environment.PATH: "PATH" is made by the supervisor; write "path"'],
  [
    "the password",
    { environment: { OPENCODE_SERVER_PASSWORD: "x" } },
    'environment.OPENCODE_SERVER_PASSWORD: "OPENCODE_SERVER_PASSWORD" would be readable by every local user; write "passwordFile"',
  ],
  [
    "the user of the password",
    { environment: { OPENCODE_SERVER_USERNAME: "x" } },
    'environment.OPENCODE_SERVER_USERNAME: "OPENCODE_SERVER_USERNAME" is set by the supervisor; remove it; use "passwordFile" for the password',
  ],
  [
    "the config by variable",
    { environment: { OPENCODE_CONFIG: "/x" } },
    'environment.OPENCODE_CONFIG: "OPENCODE_CONFIG" is ignored by opencode when it cannot be read; write "configFile"',
  ],
  [
    "XDG",
    { environment: { XDG_DATA_HOME: "/x" } },
    'environment.XDG_DATA_HOME: "XDG_DATA_HOME" follows from HOME, where setup prepares it; remove it',
  ],
  ["other variables", { environment: { OPENCODE_FOO: "bar", home: "x" } }],
  [
    "ExecStart",
    { sandbox: { serviceConfig: { ExecStart: "/x" } } },
    'sandbox.serviceConfig.ExecStart: "ExecStart" is set by the supervisor; write "command"',
  ],
  [
    "Slice",
    { sandbox: { serviceConfig: { Slice: "x" } } },
    'sandbox.serviceConfig.Slice: "Slice" is set by the supervisor; remove it',
  ],
  [
    "IPAddressAllow",
    { sandbox: { serviceConfig: { IPAddressAllow: "any" } } },
    'sandbox.serviceConfig.IPAddressAllow: "IPAddressAllow" is set by the supervisor; write "networkIsolation"',
  ],
  ["other directives", { sandbox: { serviceConfig: { MemoryMax: "1G", PrivateUsers: false } } }],
  [
    "a port twice",
    { listen: { port: 1, extraPorts: [2, 1, 2] } },
    "listen.extraPorts[1]: 1 is listen.port already; remove it",
    "listen.extraPorts[2]: 2 is listen.extraPorts[0] already; remove it",
  ],
  [
    "loopback clients",
    { listen: { port: 1, allowFrom: ["127.0.0.0/8", "::1", "127.0.0.1", "10.0.0.0/8"] } },
    ...['"127.0.0.0/8"', '"::1"', '"127.0.0.1"'].map(
      (text, index) =>
        `listen.allowFrom[${index}]: ${text} is loopback, and this list is for clients beyond it; remove it`,
    ),
  ],
  [
    "opencode.json as a projected file",
    { configDirFiles: { "opencode.json": "/x" } },
    'configDirFiles."opencode.json": "opencode.json" is put there by setup; write "configFile"',
  ],
  [
    ".gitignore as a projected file",
    { configDirFiles: { ".gitignore": "/x" } },
    'configDirFiles.".gitignore": ".gitignore" is put there by setup; remove it; setup makes one',
  ],
  [
    "a projected file below another",
    { configDirFiles: { "a/b/c": "/x", a: "/y" } },
    'configDirFiles."a/b/c": "a" cannot be both a file and a directory; rename one of the two',
  ],
  ["config and configFile", { config: { model: "x" }, configFile: "/run/secrets/x.json" }],
  ["lists of an isolation that is off", { networkIsolation: { enable: false, outboundAllowCidrs: ["10.0.0.0/8"] } }],
];

describe("one instance", () => {
  for (const [title, extra, ...problems] of ROWS) {
    test(title, () => {
      assert.deepEqual(
        said(parseInstances({ x: good(extra) })),
        problems.map((line) => `x: ${line}`),
      );
    });
  }
});
