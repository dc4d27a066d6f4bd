/** What doctor, diff, explain and the others make of plain data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import type { InstanceDetail } from "../daemon/api/model.ts";
import { environmentLine } from "../daemon/host/credentials.ts";
import { specOf } from "../daemon/instance/testing.ts";
import { statusOf } from "../dashboard/testing.ts";
import { hashOf } from "../sandbox/hash.ts";
import { HOST } from "../sandbox/testing.ts";
import { Explanation } from "./answers.ts";
import { sentOf } from "./client.ts";
import { passwordIn, urlOf } from "./credentials.ts";
import { differences, linesOf } from "./diff.ts";
import { type Facts, findings, isAtLeast } from "./doctor.ts";
import { explanation } from "./explain.ts";
import { fieldsOf, isWritten } from "./fields.ts";
import type { Instances } from "./instance-files.ts";
import { detail, overview, usageText } from "./status.ts";

const AT = "2026-01-02T03:04:05.000Z";

const fine: Facts = {
  ...{ kernel: [6, 12, 0], systemd: 257, nft: [1, 1, 3], node: 24, controllers: ["memory", "cpu", "pids"] },
  ...{
    bus: true,
    root: true,
    target: ["active", "enabled"],
    running: "0.1.0",
    version: "0.1.0",
    file: null,
    opencode: true,
  },
};
const bad = (more: Partial<Facts>) =>
  findings({ ...fine, ...more }).flatMap(({ what, state, remedy }) =>
    state === "ok" ? [] : [`${what} ${state} ${remedy !== null}`],
  );

test("doctor finds nothing on a good host, and each lack with its remedy", () => {
  assert.deepEqual(bad({}), []);
  assert.deepEqual(bad({ kernel: [6, 6, 1], systemd: 254, nft: [1, 0, 6] }), [
    "Linux weaker true",
    "systemd weaker true",
    "nftables weaker true",
  ]);
  assert.deepEqual(bad({ kernel: [6, 5], systemd: 253, nft: null }), [
    "Linux missing true",
    "systemd missing true",
    "nftables missing true",
  ]);
  assert.deepEqual(bad({ controllers: null, bus: false, running: null }), [
    "cgroup v2 missing true",
    "system bus missing true",
    "supervisor missing true",
  ]);
  assert.deepEqual(bad({ controllers: ["cpu"], running: "0.0.9", file: "2 mistakes", opencode: false }), [
    ...["cgroup v2 weaker true", "instance file missing true", "supervisor weaker true", "opencode weaker true"],
  ]);
  assert.deepEqual(
    [isAtLeast([6, 12], [6, 12]), isAtLeast([7], [6, 12]), isAtLeast([6, 9], [6, 12])],
    [true, true, false],
  );
});

const file = (...specs: ReturnType<typeof specOf>[]): Instances => ({
  ...{ bad: [], problems: [], raw: {} },
  specs: new Map(specs.map((spec) => [spec.name, spec])),
});

test("diff says what becomes of each: started, stopped, restarted, changed live, left", () => {
  const hash = (spec: ReturnType<typeof specOf>) => hashOf({ ...spec, networkIsolation: null });
  const now = file(
    specOf("a"),
    specOf("b"),
    specOf("c"),
    specOf("d"),
    specOf("same"),
    specOf("off", { enable: false }),
  );
  const open = { networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.0/24"] } };
  const then = file(
    ...[
      specOf("a", { logLevel: "DEBUG" }),
      specOf("b", open),
      specOf("c", { enable: false }),
      specOf("e"),
      specOf("same"),
    ],
    specOf("off", { enable: false, logLevel: "DEBUG" }),
  );
  const found = differences(now, { ...then, bad: ["d"] }, hash);
  assert.deepEqual(
    found.map(({ name, effect }) => `${name} ${effect}`),
    ["a restarts", "b policy", "c stops", "d kept", "e starts", "off nothing"],
  );
  assert.deepEqual(found[0]?.fields, [{ field: "logLevel", before: null, after: "DEBUG" }]);
  assert.deepEqual(found.slice(-1).flatMap(linesOf), [
    ...["off: nothing is started, stopped or restarted", "  - logLevel: null", '  + logLevel: "DEBUG"'],
  ]);
});

test("explain says of each setting whether it is the file's, a default, or follows from name or host", () => {
  const written = { directory: "/srv/a", listen: { port: 8000 }, networkIsolation: { enable: true } };
  const found = explanation(specOf("a", written), written, HOST);
  assert.equal(Value.Check(Explanation, found), true);
  const from = new Map(found.settings.map((each) => [each.field, each.from]));
  assert.deepEqual(
    ["listen.port", "listen.address", "user", "networkIsolation.dns", "networkIsolation.mode"].map((field) =>
      from.get(field),
    ),
    ["file", "default", "name", "host", "default"],
  );
  const names = new Set(found.settings.map(({ field }) => field));
  const lost = found.policy.filter(({ setting }) => !names.has(setting));
  assert.deepEqual(lost, [], "what the policy has is a setting's");
  const allowed = found.policy.find(({ field }) => field === "isolation.dns.v4");
  assert.deepEqual([allowed?.setting, allowed?.from], ["networkIsolation.dns", "host"]);
  const main = found.units.find(({ unit }) => unit === "opencode-a.service");
  const property = (name: string) => main?.properties.find((each) => each.name === name);
  assert.deepEqual(
    [property("PrivateUsers")?.from, property("User")?.from, property("User")?.value],
    ["baseline", "instance", '"opencode-a"'],
  );
  assert.match(property("IPAddressDeny")?.value ?? "", /^\[\[2,"0\.0\.0\.0",0\],\[10,"::",0\]\]$/);
});

test("fields are dotted, and written by themselves or by what is above them", () => {
  assert.deepEqual(fieldsOf({ a: { b: 1, c: {} }, d: [1] }), [
    ["a.b", 1],
    ["a.c", {}],
    ["d", [1]],
  ]);
  assert.deepEqual(
    ["a", "a.b", "a.x", "z"].map((field) => isWritten({ a: { b: 1 } }, field)),
    [true, true, false, false],
  );
  assert.equal(isWritten({ environment: { "A.B": "1" } }, "environment.A.B"), true);
});

test("the password comes out as it went in, whatever it has in it", () => {
  for (const password of ["plain", 'a"b', "a\\b", "$HOME `x` \\\\", "€"]) {
    assert.equal(passwordIn(environmentLine("OPENCODE_SERVER_PASSWORD", password)), password);
  }
  assert.equal(passwordIn(""), null);
  assert.deepEqual(
    [
      urlOf({ address: "0.0.0.0", port: 1 }),
      urlOf({ address: "::", port: 2 }),
      urlOf({ address: "192.0.2.1", port: 3 }),
    ],
    ["http://127.0.0.1:1", "http://[::1]:2", "http://192.0.2.1:3"],
  );
});

test("a server-sent event is read; a comment is none", () => {
  assert.deepEqual(sentOf('id: r-1\nevent: state\ndata: {"a":"b: c"}'), {
    id: "r-1",
    event: "state",
    data: '{"a":"b: c"}',
  });
  assert.deepEqual([sentOf(":"), sentOf("retry: 1000")], [null, null]);
});

test("usage says what the host counts", () => {
  assert.equal(
    usageText({ memoryBytes: 331_350_016, cpuSeconds: 12.34, tasks: 24, oomKills: 0, tasksRefused: 0 }),
    "316 MiB, 12.3 s of CPU, 24 tasks",
  );
  const uncounted = { memoryBytes: null, cpuSeconds: null, tasks: null, oomKills: null, tasksRefused: null };
  assert.equal(usageText(uncounted), null);
  assert.equal(
    usageText({ ...uncounted, oomKills: 2, tasksRefused: 7 }),
    "killed for want of memory (limits.memoryMax): 2, tasks refused (limits.tasksMax): 7",
  );
});

/** As long as each can be. */
const longest: InstanceDetail = {
  ...{ name: "a-name-of-thirty-one-characters", state: "backing-off", why: "w ".repeat(200), since: AT, pid: 4194304 },
  listen: { address: "2001:db8:1111:2222:3333:4444:5555:6666", port: 65535, extraPorts: [65534, 65533] },
  ...{ version: "1.18.33-dev-20261121", restarts: 4294967295, lastExit: "killed by signal 9", output: ["x"] },
  ...{ policy: { wanted: "enforce", inForce: false }, policyObserved: AT, relaxations: ["r ".repeat(60)] },
  ...{ unit: `opencode-${"a".repeat(31)}.service`, slice: `opencode-${"a".repeat(31)}.slice`, user: "u".repeat(31) },
  ...{ directory: `/srv/${"d".repeat(90)}`, stateDir: "/s", config: "/c", specHash: "0".repeat(64) },
  usage: { memoryBytes: 2 ** 40, cpuSeconds: 1e9, tasks: 99999, oomKills: 9999, tasksRefused: 99999 },
  ...{ filesChanged: ["environmentFile", "configFile", "passwordFile"], configHash: "0".repeat(64), exposure: 10 },
};
const TERMINAL = { isTTY: true, columns: 80 };

test("an instance with everything as long as it can be fits 80 columns, and its port can be told from its address", () => {
  const text = detail(longest, TERMINAL);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(text, /^listen +\[2001:db8:1111:2222:3333:4444:5555:6666\]:65535, 65534, 65533$/m);
  for (const field of ["state", "why", "since", "pid", "uses", "restarts", "lastExit", "version", "configHash"])
    assert.match(text, new RegExp(`^${field} +\\S`, "m"), field);
  for (const field of ["specHash", "observed", "relaxed", "exposure", "egress"])
    assert.match(text, new RegExp(`^${field} +\\S`, "m"), field);
  const [head = "", row = ""] = overview(statusOf(), [longest], TERMINAL, { NO_COLOR: "1" }).split("\n");
  assert.ok(head.length <= 80 && row.length <= 80, row);
});
