/** Listening before there is anybody to answer: who asks waits, and is answered; what is no request is refused at once. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { endFront } from "./front.ts";
import { type Fronts, onDemand, openFronts } from "./listen.ts";
import { bareServer } from "./server.ts";

/** Fronts for the status alone matter here: both sockets are in a directory of the test's own. */
async function open(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<{ fronts: Fronts; path: string }> {
  const directory = await mkdtemp(join(tmpdir(), "front-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "status.sock");
  const places = { status: { path, gid: 0, mode: 0o660 }, control: { path: `${path}.control`, gid: 0, mode: 0o600 } };
  return { fronts: await openFronts(places, { error: () => undefined }, env), path };
}

function ask(socketPath: string, path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request({ socketPath, path, method, headers, agent: false }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve(`${answer.statusCode} ${text}`));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

test("who asks before the routes are loaded has them loaded, once, and is answered, body and all", async (t) => {
  const { fronts, path } = await open(t);
  let loads = 0;
  const gate = Promise.withResolvers<void>();
  const api = onDemand(fronts, async ({ status, control }) => {
    loads++;
    await gate.promise;
    const server = bareServer("nothing is", status);
    server.get("/a", () => ({ a: 1 }));
    server.post("/b", ({ body }) => ({ b: body }));
    await server.ready();
    return async () => void (await Promise.all([server.close(), endFront(control)]));
  });
  t.after(() => api.end());
  await turn();
  assert.equal(loads, 0, "nobody has asked yet");
  const answers = [ask(path, "/a"), ask(path, "/b", '{"x":2}'), ask(path, "/c")];
  await fronts.status.asked;
  await turn();
  assert.equal(loads, 1);
  gate.resolve();
  const [a, b, c] = await Promise.all(answers);
  assert.equal(a, '200 {"a":1}');
  assert.equal(b, '200 {"b":{"x":2}}');
  assert.match(c ?? "", /^404 .*"code":"not-found"/);
  assert.equal(await ask(path, "/a"), '200 {"a":1}');
  assert.equal(loads, 1);
});

test("what is no request is refused without anything being loaded", async (t) => {
  const { fronts, path } = await open(t);
  let loads = 0;
  const api = onDemand(fronts, async () => {
    loads++;
    return async () => undefined;
  });
  t.after(() => api.end());
  const answer = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connect(path, () => socket.write("\u0000\u0001\r\n\r\n"));
    socket.on("data", (chunk) => (text += chunk));
    socket.on("close", () => resolve(text));
  });
  assert.match(answer, /^HTTP\/1.1 400 [\s\S]*"code":"bad-request"/);
  assert.equal(loads, 0);
});

test("it ends also when nobody ever asked, and when those who asked were not answered yet", async (t) => {
  const silent = await open(t);
  await onDemand(silent.fronts, async () => async () => undefined).end();
  await assert.rejects(ask(silent.path, "/a"), /ENOENT|ECONNREFUSED/);

  const { fronts, path } = await open(t);
  const api = onDemand(fronts, () => new Promise(() => undefined));
  const asked = assert.rejects(ask(path, "/a"), /socket hang up|ECONNRESET/);
  await fronts.status.asked;
  await api.end();
  await asked;
});

test("what keeps the routes from being loaded is not kept quiet", async (t) => {
  const { fronts, path } = await open(t);
  const api = onDemand(fronts, () => Promise.reject(new Error("no such module")));
  const asked = assert.rejects(ask(path, "/a"), /socket hang up|ECONNRESET/);
  await assert.rejects(api.failed, /no such module/);
  await api.end();
  await asked;
});

test("a listener on TCP that cannot be had is told of, and the sockets are there without it", async (t) => {
  const { fronts } = await open(t, { OPENCODE_SUPERVISOR_LISTEN: "0.0.0.0:1" });
  assert.equal(fronts.tcp, null);
  await onDemand(fronts, async () => async () => undefined).end();
});
