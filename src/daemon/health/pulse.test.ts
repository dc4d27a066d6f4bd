import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { after, test } from "node:test";
import { Histogram } from "../metrics/histogram.ts";
import type { Target } from "./probe.ts";
import { pulseOf } from "./pulse.ts";
import { ownCgroup } from "./testing.ts";

const AUTHORIZATION = `Basic ${Buffer.from("opencode:secret").toString("base64")}`;
const servers = new Set<Server>();
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

/** A server of this process, and how often its password was asked for. */
async function served(answer: RequestListener, controlGroup = ownCgroup()) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  servers.add(server);
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const asked: string[] = [];
  const secrets = async () => {
    asked.push("secrets");
    return { password: "secret", controlGroup };
  };
  return { server, asked, port: address.port, pulse: look({ address: "127.0.0.1", port: address.port, secrets }) };
}
/** Looks with patience enough for a busy host, if not told otherwise. */
function look(target: Target) {
  const pulse = pulseOf(target);
  return (patienceMs = 30_000) => pulse(patienceMs);
}
const healthy: RequestListener = (request, response) => {
  response.statusCode = request.headers.authorization === AUTHORIZATION ? 200 : 401;
  response.end(request.url === "/config" ? "{}" : '{ "healthy" : true, "version": "1" }');
};

test("health and config are asked for in turn, with the password; whose the socket is, once", async () => {
  const paths: string[] = [];
  const { pulse, asked } = await served((request, response) => {
    paths.push(request.url ?? "");
    healthy(request, response);
  });
  for (let turn = 0; turn < 4; turn++) assert.deepEqual(await pulse(), { kind: "alive" });
  assert.deepEqual([paths, asked], [["/global/health", "/config", "/global/health", "/config"], ["secrets"]]);
});

const SICK: readonly (readonly [what: string, answer: RequestListener, why: RegExp])[] = [
  ["refuses the password", (_, response) => response.writeHead(401).end(), /^\/global\/health answers 401/],
  [
    "says that it is not healthy",
    (_, response) => response.end('{"healthy":false}'),
    /answers 200: \{"healthy":false\}$/,
  ],
  ["breaks down", (_, response) => response.writeHead(500).end("\u001b[31mdown"), /answers 500: .*down$/],
  ["sends us elsewhere", (_, response) => response.writeHead(302, { location: "http://x/" }).end(), /answers 302/],
  ["talks without end", (_, response) => response.writeHead(503).end("x".repeat(1 << 20)), /answers 503: x+/],
];
for (const [what, answer, why] of SICK) {
  test(`sick: it ${what}`, async () => {
    const { pulse } = await served(answer);
    const seen = await pulse();
    assert.equal(seen.kind, "sick");
    assert.match("why" in seen ? seen.why : "", why);
  });
}

test("a config that has become broken is seen at the second look", async () => {
  const { pulse } = await served((request, response) => {
    if (request.url === "/config") response.writeHead(400).end("bad");
    else healthy(request, response);
  });
  assert.deepEqual(await pulse(), { kind: "alive" });
  assert.deepEqual(await pulse(), { kind: "sick", why: "/config answers 400: bad" });
});

test("silent: it cuts the connection, or answers something else than HTTP", async () => {
  const cut = await served((request) => request.socket.destroy());
  assert.equal((await cut.pulse()).kind, "silent");
  const other = await served((request) => request.socket.end("hello\n"));
  assert.equal((await other.pulse()).kind, "silent");
});

test("silent: its listener is gone", async () => {
  const { server, pulse } = await served(healthy);
  assert.deepEqual(await pulse(), { kind: "alive" });
  server.close().closeAllConnections();
  assert.equal((await pulse()).kind, "silent");
});

test("somebody else's listener gets no password", async () => {
  const seen: (string | undefined)[] = [];
  const { pulse } = await served((request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  }, "/no-such-cgroup");
  const answer = await pulse();
  assert.match("why" in answer ? answer.why : "", /^port \d+ is held by /);
  assert.deepEqual(seen, []);
});

test("silent: it takes the connection and says nothing", async () => {
  const { pulse } = await served(() => undefined);
  const seen = await pulse(100);
  // `unknown` on a host too busy to tell: what matters is that it is not taken for alive.
  assert.ok(seen.kind === "unknown" || (seen.kind === "silent" && /does not answer within 100 ms$/.test(seen.why)));
});

test("unknown: what fails is ours, and not the server's doing", async () => {
  const { pulse, port } = await served(healthy);
  assert.deepEqual(await pulse(), { kind: "alive" });
  const secrets = () => Promise.reject(new Error("the bus is being restarted"));
  assert.deepEqual(await look({ address: "127.0.0.1", port, secrets })(), { kind: "unknown" });
});

test("what a look took is written down, with how it went; what says nothing of the server is not", async () => {
  const record = new Histogram([20]);
  let answer: RequestListener = healthy;
  const { port } = await served((request, response) => answer(request, response));
  const secrets = async () => ({ password: "secret", controlGroup: ownCgroup() });
  const pulse = pulseOf({ address: "127.0.0.1", port, secrets }, record);
  const counts = () => [...record.counts, record.errors];
  await pulse(30_000);
  assert.deepEqual(counts(), [1, 0, 0]);
  answer = (_request, response) => void response.writeHead(500).end();
  await pulse(30_000);
  assert.deepEqual(counts(), [2, 0, 1]);
  answer = () => undefined;
  await pulse(1);
  assert.deepEqual(counts(), [3, 0, 2]);
  assert.ok(record.sum > 0);
  const nobody = pulseOf(
    {
      address: "127.0.0.1",
      port,
      secrets: async () => {
        throw new Error("the bus is away");
      },
    },
    record,
  );
  assert.equal((await nobody(30_000)).kind, "unknown");
  assert.deepEqual(counts(), [3, 0, 2]);
});
