import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Value } from "typebox/value";
import { blankView } from "../instance/controller.ts";
import { specOf, up, wantedView } from "../instance/testing.ts";
import type { View } from "../instance/view.ts";
import { logReader } from "../journal/read.ts";
import type { Snapshot } from "../status.ts";
import { addInstanceRoutes } from "./instance.ts";
import { InstanceStatus, Status } from "./model.ts";
import { buildApi } from "./server.ts";
import { serveAt } from "./testing.ts";

const wanted = wantedView(specOf("a", { networkIsolation: { enable: true } }));
const ready: View = {
  ...wanted,
  main: { ...up("opencode-a.service"), since: 1_700_000_000_000_000 },
  health: { kind: "ready", version: "1.2.3", since: 1 },
  installed: wanted.policyHash,
};
const problem = { instance: "b", field: "directory", what: "/srv/b does not exist", fix: "make it" };
const snapshot: Snapshot = {
  views: [ready, { ...wantedView(specOf("b")), blocked: problem }],
  file: {
    ...{ path: "/etc/opencode/instances.json", specs: [], disabled: [specOf("c", { enable: false })], kept: ["d"] },
    ...{ problems: [], loadedAt: 1_700_000_000_000, ok: true },
  },
  orphans: new Map([["old", "/var/lib/opencode/instance-state/old"]]),
  targetActive: true,
  connected: true,
  egress: { missing: null, repairs: [], observedAt: () => null },
};
const facts = { version: "0.1.0", startedAt: 1_700_000_000_000, systemdVersion: 257, owned: true, weaker: [] };
const api = (now: Snapshot = snapshot, isReady = true) =>
  buildApi({ facts, snapshot: () => now, ready: () => isReady });

test("/v1/status answers the whole model, degraded while anything needs a person", async () => {
  const answer = await api().inject("/v1/status");
  const status = Value.Parse(Status, answer.json());
  assert.deepEqual([status.state, status.instances], ["degraded", { ready: 1, blocked: 1, disabled: 1, invalid: 1 }]);
  assert.deepEqual(status.problems, [problem]);
  const fine = await api({ ...snapshot, views: [ready], file: { ...snapshot.file, kept: [] } }).inject("/v1/status");
  assert.equal(fine.json().state, "ok");
});

test("/v1/instances lists every instance of the file by name, each in the shape of the model", async () => {
  const { instances } = (await api().inject("/v1/instances")).json();
  assert.deepEqual(
    instances.map(({ name, state }: InstanceStatus) => `${name} ${state}`),
    ["a ready", "b blocked", "c disabled", "d invalid"],
  );
  for (const instance of instances) Value.Parse(InstanceStatus, instance);
});

/** One instance with what is read for that one request, by a reader that finds nothing in the journal. */
const withInstances = (now: Snapshot = snapshot) => {
  const all = api(now);
  const usage = async () => ({ memoryBytes: 1, cpuSeconds: 0.5, tasks: 2, oomKills: 0, tasksRefused: 0 });
  addInstanceRoutes(all, { snapshot: () => now, logs: logReader(async () => ""), usage, exposure: async () => 1.1 });
  return all;
};

test("/v1/instances/:name says state, since when, pid, port, version and the policy that was read back", async () => {
  const instance = (await withInstances().inject("/v1/instances/a")).json();
  assert.deepEqual(
    [instance.state, instance.since, instance.pid, instance.listen.port, instance.version, instance.policy],
    ["ready", "2023-11-14T22:13:20.000Z", 7, 8000, "1.2.3", { wanted: "enforce", inForce: true }],
  );
  const lost = await withInstances({ ...snapshot, views: [{ ...ready, installed: null }] }).inject("/v1/instances/a");
  assert.equal(lost.json().policy.inForce, false);
});

test("an unknown instance or path is a problem document", async () => {
  for (const path of ["/v1/instances/x", "/v1/instances/..%2f..%2fetc", "/nowhere", "/v1/instances/%ff"]) {
    const answer = await withInstances().inject(path);
    assert.ok([400, 404].includes(answer.statusCode), path);
    assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/, path);
    assert.equal(answer.json().status, answer.statusCode);
  }
});

test("while the target is down an instance of the file is not unknown, it does not run", async () => {
  const now = { ...snapshot, views: [], targetActive: false, file: { ...snapshot.file, specs: [specOf("a")] } };
  const ask = async (name: string) => (await withInstances(now).inject(`/v1/instances/${name}`)).json();
  assert.deepEqual([(await ask("a")).code, (await ask("x")).code], ["not-runnable", "no-such-instance"]);
});

test("it is read-only", async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"] as const) {
    assert.equal((await api().inject({ method, url: "/v1/status", payload: "x" })).statusCode, 404);
  }
});

test("/healthz answers while it lives, /readyz once the first pass is done and the bus is there", async () => {
  assert.equal((await api().inject("/healthz")).statusCode, 200);
  assert.equal((await api().inject("/readyz")).statusCode, 200);
  assert.equal((await api(snapshot, false).inject("/readyz")).statusCode, 503);
  assert.equal((await api({ ...snapshot, connected: false }).inject("/readyz")).statusCode, 503);
});

test("an instance on its way out is still answered for", async () => {
  const going = { ...snapshot, views: [{ ...blankView("z"), held: false, main: up("opencode-z.service") }] };
  assert.equal((await withInstances(going).inject("/v1/instances/z")).json().state, "stopping");
});

test("the socket is for root and a group only, and one left over from a crash is replaced", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "api-"));
  const socketPath = join(directory, "status.sock");
  await writeFile(socketPath, "left over");
  const server = api();
  t.after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });
  await serveAt(server, socketPath);
  assert.equal((await stat(socketPath)).mode & 0o777, 0o660);
  const code = await new Promise((resolve) =>
    request({ socketPath, path: "/healthz" }, (answer) => resolve(answer.statusCode)).end(),
  );
  assert.equal(code, 200);
});
