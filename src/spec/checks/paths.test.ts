/** Paths of one and of several instances. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseInstances, said } from "../fixtures.ts";
import { PathIndex } from "./path-index.ts";

/** Instances with ports of their own and, unless told otherwise, a directory of their own. */
const parse = (instances: Record<string, object>) =>
  parseInstances(
    Object.fromEntries(
      Object.entries(instances).map(([name, extra], index) => [
        name,
        { directory: `/srv/${name}`, listen: { port: index + 1 }, ...extra },
      ]),
    ),
  );

const ALONE = "write a path that is this instance's alone";
const LINK = "which the instance can write: it could put a link to anything there";
const SEPARATE = "keep the project and the state in separate trees";
const OUTSIDE = "write a path outside the state of other instances";
const rw = (...paths: string[]): object => ({ sandbox: { readWritePaths: paths } });
const ro = (...paths: string[]): object => ({ sandbox: { readOnlyPaths: paths } });
const STATE = "/var/lib/opencode/instance-state";

/** Instances, and all that is said of their paths. */
const ROWS: readonly (readonly [title: string, instances: Record<string, object>, ...problems: readonly string[]])[] = [
  // What is fine.
  ["one directory for two", { a: { directory: "/srv/p" }, b: { directory: "/srv/p" } }],
  [
    "names that only start alike",
    { a: { directory: "/srv/p" }, b: { directory: "/srv/p-2" }, c: { directory: "/srv/p2/x" } },
  ],
  ["a state directory of the operator's", { a: { stateDir: "/data/a" } }],
  ["the state directory of a name that was", { a: { stateDir: `${STATE}/old-a` } }],
  [
    "secrets in their usual places",
    {
      a: {
        configFile: "/run/secrets/opencode.json",
        passwordFile: "/run/secrets/pw",
        environmentFile: "/etc/opencode/a.env",
      },
    },
  ],
  [
    "a config file among the supervisor's",
    { a: { configFile: "/etc/opencode/dev.json", configDirFiles: { "agent/x.md": "/etc/opencode/x.md" } } },
  ],
  ["tools on PATH", { a: { path: ["/opt/tools/bin", "/usr/local/bin"], command: ["/opt/opencode/bin/opencode"] } }],
  ["the project of another, read-only", { a: {}, b: ro("/srv/a", "/nix/store", "/usr/share/doc") }],
  ["a shared writable path", { a: rw("/srv/cache"), b: rw("/srv/cache") }],
  ["a Unix socket", { a: { sandbox: { unixSockets: { allow: ["/run/postgresql/.s.PGSQL.5432"] } } } }],
  // Directory and state.
  [
    "state in the project",
    { a: { stateDir: "/srv/a/state" } },
    `a: directory: "/srv/a" contains this instance's stateDir; ${SEPARATE}`,
    `a: stateDir: "/srv/a/state" lies in this instance's directory; ${SEPARATE}`,
  ],
  [
    "the project in the state",
    { a: { stateDir: "/srv" } },
    `a: directory: "/srv/a" lies in this instance's stateDir; ${SEPARATE}`,
    `a: stateDir: "/srv" contains this instance's directory; ${SEPARATE}`,
  ],
  [
    "state that is the project",
    { a: { stateDir: "/srv/a" } },
    `a: directory: "/srv/a" is this instance's stateDir; ${SEPARATE}`,
    `a: stateDir: "/srv/a" is this instance's directory; ${SEPARATE}`,
  ],
  // Other instances' state.
  [
    "one state for two",
    { a: { stateDir: "/data/s" }, b: { stateDir: "/data/s" } },
    `a: stateDir: "/data/s" is reached by the stateDir of instance "b", "/data/s"; keep the two apart`,
    `a: stateDir: "/data/s" is the stateDir of instance "b"; ${OUTSIDE}`,
    `b: stateDir: "/data/s" is reached by the stateDir of instance "a", "/data/s"; keep the two apart`,
    `b: stateDir: "/data/s" is the stateDir of instance "a"; ${OUTSIDE}`,
  ],
  [
    "state in another's state",
    { a: { stateDir: "/data/s" }, b: { stateDir: "/data/s/b" } },
    `a: stateDir: "/data/s" contains the stateDir of instance "b"; ${OUTSIDE}`,
    `a: stateDir: "/data/s" is reached by the stateDir of instance "b", "/data/s/b"; keep the two apart`,
    `b: stateDir: "/data/s/b" is reached by the stateDir of instance "a", "/data/s"; keep the two apart`,
    `b: stateDir: "/data/s/b" lies in the stateDir of instance "a"; ${OUTSIDE}`,
  ],
  [
    "reading what holds another's state",
    { a: { stateDir: "/data/a" }, b: ro("/data") },
    `a: stateDir: "/data/a" is reached by the sandbox.readOnlyPaths[0] of instance "b", "/data"; keep the two apart`,
    `b: sandbox.readOnlyPaths[0]: "/data" contains the stateDir of instance "a"; ${OUTSIDE}`,
  ],
  [
    "another's state in its usual place: only the intruder is told",
    { a: {}, b: rw(`${STATE}/a/x`) },
    `b: sandbox.readWritePaths[0]: "${STATE}/a/x" lies in the stateDir of instance "a"; ${ALONE}`,
  ],
  // What is closed to all.
  ["the whole file system", { a: rw("/") }, `a: sandbox.readWritePaths[0]: "/" is the whole file system; ${ALONE}`],
  ...["/etc/x", "/usr", "/usr/local", "/proc", "/sys/fs", "/dev/shm", "/nix/store", "/run/systemd"].map((path) => {
    const top =
      ["/etc", "/usr", "/proc", "/sys", "/dev", "/nix", "/run/systemd"].find((one) => path.startsWith(one)) ?? "";
    const how = path === top ? "belongs to the system" : `lies in ${top}, which belongs to the system`;
    return [`writing ${path}`, { a: rw(path) }, `a: sandbox.readWritePaths[0]: "${path}" ${how}; ${ALONE}`] as const;
  }),
  ["writing /home", { a: { directory: "/home" } }, `a: directory: "/home" is shared by the whole host; ${ALONE}`],
  [
    "writing /run",
    { a: rw("/run") },
    `a: sandbox.readWritePaths[0]: "/run" contains /run/opencode-supervisor, which is the supervisor's own; ${ALONE}`,
  ],
  [
    "reading everything",
    { a: ro("/") },
    `a: sandbox.readOnlyPaths[0]: "/" contains /run/opencode-supervisor, which is the supervisor's own; ${ALONE}`,
  ],
  [
    "reading /etc",
    { a: ro("/etc") },
    `a: sandbox.readOnlyPaths[0]: "/etc" contains /etc/opencode, which is where the configuration of all instances lies; ${ALONE}`,
  ],
  [
    "reading /etc/opencode",
    { a: ro("/etc/opencode") },
    `a: sandbox.readOnlyPaths[0]: "/etc/opencode" is where the configuration of all instances lies; ${ALONE}`,
  ],
  [
    "the instance file as a config",
    { a: { configFile: "/etc/opencode/instances.json" } },
    `a: configFile: "/etc/opencode/instances.json" is the instance file itself; ${ALONE}`,
  ],
  [
    "the config of all as a config",
    { a: { configFile: "/etc/opencode/opencode.json" } },
    `a: configFile: "/etc/opencode/opencode.json" is read by every opencode and overrides what it was given; ${ALONE}`,
  ],
  [
    "the supervisor's sockets",
    { a: { sandbox: { unixSockets: { allow: ["/run/opencode-supervisor/status.sock"] } } } },
    `a: sandbox.unixSockets.allow[0]: "/run/opencode-supervisor/status.sock" lies in /run/opencode-supervisor, which is the supervisor's own; ${ALONE}`,
  ],
  [
    "the supervisor's state",
    { a: { stateDir: "/var/lib/opencode-supervisor/a" } },
    `a: stateDir: "/var/lib/opencode-supervisor/a" lies in /var/lib/opencode-supervisor, which is the supervisor's own; ${ALONE}`,
  ],
  [
    "the place of all state as state",
    { a: { stateDir: STATE } },
    `a: stateDir: "${STATE}" holds the state of all instances; ${ALONE}`,
  ],
  [
    "what is above it as state",
    { a: { stateDir: "/var/lib/opencode" } },
    `a: stateDir: "/var/lib/opencode" contains ${STATE}, which holds the state of all instances; ${ALONE}`,
  ],
  [
    "a project among the state",
    { a: { directory: "/var/lib/opencode/projects/a" } },
    `a: directory: "/var/lib/opencode/projects/a" lies in /var/lib/opencode, which is for the state of instances only; ${ALONE}`,
  ],
  [
    "a directory that is refused holds up no other",
    { a: { directory: "/var/lib" }, b: {}, c: {} },
    `a: directory: "/var/lib" contains /var/lib/opencode-supervisor, which is the supervisor's own; ${ALONE}`,
  ],
  // Links.
  [
    "a project in another's project",
    { a: { directory: "/srv/p" }, b: { directory: "/srv/p/sub" } },
    `a: directory: "/srv/p" can be written by this instance and holds the directory of instance "b", "/srv/p/sub"; keep the two apart`,
    `b: directory: "/srv/p/sub" lies in the directory of instance "a", ${LINK}; write a path outside "/srv/p"`,
  ],
  [
    "a config file in the project",
    { a: { configFile: "/srv/a/opencode.json" } },
    `a: configFile: "/srv/a/opencode.json" lies in this instance's directory, ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "a config file that can be written",
    { a: { ...rw("/data/c.json"), configFile: "/data/c.json" } },
    `a: configFile: "/data/c.json" is this instance's sandbox.readWritePaths[0], ${LINK}; write a path outside "/data/c.json"`,
  ],
  [
    "a projected file in another's project",
    { a: {}, b: { configDirFiles: { "x.md": "/srv/a/x.md" } } },
    `a: directory: "/srv/a" can be written by this instance and holds the configDirFiles."x.md" of instance "b", "/srv/a/x.md"; keep the two apart`,
    `b: configDirFiles."x.md": "/srv/a/x.md" lies in the directory of instance "a", ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "a password in its own state",
    { a: { passwordFile: `${STATE}/a/pw` } },
    `a: passwordFile: "${STATE}/a/pw" lies in this instance's stateDir, ${LINK}; write a path outside "${STATE}/a"`,
  ],
  [
    "variables in the project",
    { a: { environmentFile: "/srv/a/.env" } },
    `a: environmentFile: "/srv/a/.env" lies in this instance's directory, ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "a part of the project read-only",
    { a: ro("/srv/a/.git") },
    `a: sandbox.readOnlyPaths[0]: "/srv/a/.git" lies in this instance's directory, ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "the project read-only",
    { a: ro("/srv/a") },
    `a: sandbox.readOnlyPaths[0]: "/srv/a" is this instance's directory, ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "a socket in another's project",
    { a: {}, b: { sandbox: { unixSockets: { allow: ["/srv/a/x.sock"] } } } },
    `a: directory: "/srv/a" can be written by this instance and holds the sandbox.unixSockets.allow[0] of instance "b", "/srv/a/x.sock"; keep the two apart`,
    `b: sandbox.unixSockets.allow[0]: "/srv/a/x.sock" lies in the directory of instance "a", ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "a writable path around the project",
    { a: rw("/srv") },
    `a: directory: "/srv/a" lies in this instance's sandbox.readWritePaths[0], ${LINK}; write a path outside "/srv"`,
  ],
  [
    "tools of another's project on PATH",
    { a: {}, b: { path: ["/srv/a/bin"] } },
    `a: directory: "/srv/a" can be written by this instance and holds the path[0] of instance "b", "/srv/a/bin"; keep the two apart`,
    `b: path[0]: "/srv/a/bin" lies in the directory of instance "a", ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "tools of the project on PATH, and a program of it",
    { a: { path: ["/srv/a/node_modules/.bin"], command: ["/srv/a/serve", "x"] } },
    `a: command[0]: "/srv/a/serve" lies in this instance's directory, ${LINK}; write a path outside "/srv/a"`,
    `a: path[0]: "/srv/a/node_modules/.bin" lies in this instance's directory, ${LINK}; write a path outside "/srv/a"`,
  ],
  [
    "an opencode in the project",
    { a: { package: "/srv/a/opencode" } },
    `a: package: "/srv/a/opencode" lies in this instance's directory, ${LINK}; write a path outside "/srv/a"`,
  ],
];

describe("paths", () => {
  for (const [title, instances, ...problems] of ROWS) {
    test(title, () => assert.deepEqual(said(parse(instances)), problems));
  }

  test("a conflict is found among many that are none", () => {
    const sharing = Array.from({ length: 9 }, (_, index) => [`s${index}`, { directory: "/srv/p" }]);
    const parsed = parse({ ...Object.fromEntries(sharing), z: { directory: "/srv/p", ...ro("/srv/p") } });
    assert.deepEqual(said(parsed), [
      `z: sandbox.readOnlyPaths[0]: "/srv/p" is this instance's directory, ${LINK}; write a path outside "/srv/p"`,
    ]);
  });

  test("a conflict of very many is told with a few, on each", () => {
    const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
    const parsed = parse(Object.fromEntries(names.map((name) => [name, { stateDir: "/data/s" }])));
    const told = new Set(parsed.problems.map(({ instance }) => instance));
    assert.equal(told.size, 300);
    assert.ok(parsed.problems.length < 300 * 20);
  });
});

describe("PathIndex", () => {
  const index = new PathIndex(["/a", "/a/b", "/a/b/c", "/a-b", "/a!", "/ab", "/"].map((path) => ({ path })));
  const all = () => true;
  const paths = (entries: readonly { path: string }[]) => entries.map(({ path }) => path);

  test("finds what is above, nearest first", () => {
    assert.deepEqual(paths(index.above("/a/b/c", 9, all)), ["/a/b", "/a", "/"]);
    assert.deepEqual(paths(index.above("/a/b/c", 2, all)), ["/a/b", "/a"]);
    assert.deepEqual(paths(index.above("/", 9, all)), []);
    assert.deepEqual(paths(index.above("/a/b/c", 1, ({ path }) => path === "/")), ["/"]);
  });

  test("finds what is below, and nothing that only starts alike", () => {
    assert.deepEqual(paths(index.below("/a", 9, all)), ["/a/b", "/a/b/c"]);
    assert.deepEqual(paths(index.below("/", 9, all)), ["/a", "/a!", "/a-b", "/a/b", "/a/b/c", "/ab"]);
    assert.deepEqual(paths(index.below("/a", 1, all)), ["/a/b"]);
    assert.deepEqual(paths(index.below("/a/b/c", 9, all)), []);
  });
});
