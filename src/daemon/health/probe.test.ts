import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";
import { probe } from "./probe.ts";
import { ownCgroup } from "./testing.ts";

/** Probe a server of this process with these answers. */
async function probing(answer: RequestListener, controlGroup = ownCgroup()) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  try {
    return await probe({
      address: "127.0.0.1",
      port: address.port,
      secrets: async () => ({ password: "secret", controlGroup }),
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const AUTHORIZATION = `Basic ${Buffer.from("opencode:secret").toString("base64")}`;
const healthy =
  (config: number, version = "1.2.3"): RequestListener =>
  (request, response) => {
    response.statusCode =
      request.headers.authorization !== AUTHORIZATION ? 401 : request.url === "/config" ? config : 200;
    response.end(request.url === "/config" ? "config" : JSON.stringify({ healthy: true, version }));
  };

test("ready when health and config answer with the password", async () => {
  assert.deepEqual(await probing(healthy(200)), { ready: true, version: "1.2.3" });
});

test("a healthy server with a broken config is not ready", async () => {
  const result = await probing(healthy(400));
  assert.deepEqual(result, { ready: false, why: "/config answers 400: config" });
});

test("a server of somebody else never sees the password", async () => {
  const seen: (string | undefined)[] = [];
  const result = await probing((request) => seen.push(request.headers.authorization), "/nowhere");
  assert.match(result.ready ? "" : result.why, /held by \S+ \(pid \d+/);
  assert.deepEqual(seen, []);
});

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";

const ODD: readonly (readonly [given: string, answer: RequestListener, why: RegExp])[] = [
  ["another password", (_, response) => response.writeHead(401).end(), /refuses the password.*passwordFile/],
  ["HTML", (_, response) => response.end("<html>"), /\/global\/health answers 200: <html>/],
  ["not healthy", (_, response) => response.end('{"healthy":false}'), /answers 200/],
  ["a redirect", (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), /answers 302/],
  ["no end of bytes", (_, response) => response.end("x".repeat(1 << 20)), /more than 65536 bytes/],
  ["no answer", () => undefined, /does not answer within 1000 ms/],
  ["another protocol", ({ socket }) => socket.end(SWITCHING), /\/global\/health answers 101/],
  ["a dropped connection", (request) => request.socket.destroy(), /port \d+: /],
  ["control characters", (_, response) => response.writeHead(500).end("\u001b[31mred"), /answers 500: \[31mred/],
];

for (const [given, answer, why] of ODD) {
  test(`not ready, and why, when the server answers with ${given}`, async () => {
    const result = await probing(answer);
    assert.equal(result.ready, false);
    assert.match(result.ready ? "" : result.why, why);
  });
}

test("a version is shown bounded and plain", async () => {
  const result = await probing(healthy(200, `\u001b]0;x\u0007${"9".repeat(200)}`));
  assert.ok(result.ready && result.version.length <= 64 && !result.version.includes("\u001b"));
});

test("nobody listening is not yet ready", async () => {
  const secrets = () => assert.fail("asked for the password");
  const result = await probe({ address: "127.0.0.1", port: 1, secrets });
  assert.deepEqual(result, { ready: false, why: "nothing listens on port 1 yet" });
});

test("a server that never answers what it was asked too early is asked anew", async () => {
  let asked = 0;
  const result = await probing((request, response) => {
    if (++asked > 2) healthy(200)(request, response);
  });
  assert.deepEqual(result, { ready: true, version: "1.2.3" });
});
