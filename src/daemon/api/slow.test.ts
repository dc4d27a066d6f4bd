/** Those who take their time: each is told, or put out, and nobody else waits for them. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { waitFor } from "../../../testbed/wait.ts";
import { makeFront, PATIENCE, type Patience } from "./front.ts";
import { bareServer, buildApi } from "./server.ts";
import { facts, readyView, serveAt, snapshotOf } from "./testing.ts";

const FOREVER = 600_000;
const HASTY: Patience = { request: 50, inactive: FOREVER, look: 20 };

async function listening(t: TestContext, api: FastifyInstance): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "slow-"));
  const path = join(directory, "a.sock");
  await serveAt(api, path);
  t.after(async () => {
    await api.close();
    await rm(directory, { recursive: true });
  });
  return path;
}

/** Connects and says this; what comes back until the other side closes. */
function saying(path: string, bytes: string): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(path, () => socket.write(bytes));
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk) => (text += chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
  return { socket, answer };
}
const connections = (api: FastifyInstance): Promise<number> =>
  new Promise((resolve) => api.server.getConnections((_error, count) => resolve(count)));

const POST = "POST /x HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
for (const [who, bytes] of [
  ["says nothing", ""],
  ["does not end his headers", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "],
  ["announces a body that does not come", `${POST}content-length: 100\r\n\r\n{`],
  ["sends a body in pieces without an end", `${POST}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`],
] as const) {
  test(`one who ${who} is told that he is too slow, and others are answered meanwhile`, async (t) => {
    const api = bareServer("nothing is", makeFront(HASTY));
    api.post("/x", () => ({}));
    api.get("/y", () => ({ quick: true }));
    const path = await listening(t, api);
    const slow = saying(path, bytes);
    const quick = saying(path, "GET /y HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert.match(await quick.answer, /^HTTP\/1.1 200 [\s\S]*"quick":true/);
    const [head = "", body = ""] = (await slow.answer).split("\r\n\r\n");
    assert.match(head, /^HTTP\/1.1 408 [\s\S]*content-type: application\/problem\+json/i);
    assert.equal(JSON.parse(body).code, "too-slow");
  });
}

test("one who does not read what he asked for is put out", async (t) => {
  const views = Array.from({ length: 2000 }, (_, index) => ({ ...readyView, name: `instance-${index}` }));
  const source = { facts, snapshot: () => snapshotOf(views), ready: () => true };
  const api = buildApi(source, undefined, makeFront({ ...HASTY, request: FOREVER, inactive: 100 }));
  const path = await listening(t, api);
  const socket = connect(path, () => socket.write("GET /v1/instances HTTP/1.1\r\nhost: x\r\n\r\n"));
  socket.on("error", () => undefined);
  await waitFor("the connection", async () => (await connections(api)) === 1);
  await waitFor("its end", async () => (await connections(api)) === 0);
  socket.destroy();
});

test("who is being answered when it ends gets the answer; who only holds on is put out", async (t) => {
  const gate = Promise.withResolvers<void>();
  const api = bareServer("nothing is");
  let asked = false;
  api.get("/slow", async () => {
    asked = true;
    await gate.promise;
    return { done: true };
  });
  const path = await listening(t, api);
  const holding = saying(path, "GET /slow HTTP/1.1\r\n");
  const waiting = saying(path, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
  await waitFor("the request", () => asked);
  const end = api.close();
  gate.resolve();
  assert.match(await waiting.answer, /"done":true/);
  await Promise.all([end, holding.answer]);
  const late = saying(path, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
  assert.equal(await late.answer, "");
});

test("the daemon is as patient as docs/reference/api.md says", () => {
  assert.deepEqual(PATIENCE, { request: 10_000, inactive: 60_000, look: 5000 });
  const { server } = bareServer("nothing is");
  assert.deepEqual([server.requestTimeout, server.timeout], [PATIENCE.request, PATIENCE.inactive]);
  assert.ok(server.maxConnections <= 2200);
});
