import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addressOf, tcpListener } from "./tcp.ts";
import { fullApi } from "./testing.ts";
import { wantToken } from "./token.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

test("it listens on loopback with a token, or not at all", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "token-"));
  t.after(() => rm(directory, { recursive: true }));
  const env = { OPENCODE_SUPERVISOR_LISTEN: "127.0.0.1:9464", CREDENTIALS_DIRECTORY: directory };
  assert.equal(await tcpListener({}), null);
  await assert.rejects(tcpListener(env), /without a token; write LoadCredential=/);
  for (const bad of ["", "short", "two words of a token", "0123456789abcdef\nmore"]) {
    await writeFile(join(directory, "api-token"), bad);
    await assert.rejects(tcpListener(env), /16 or more printable characters/, bad);
  }
  await writeFile(join(directory, "api-token"), `${TOKEN}\n`);
  assert.deepEqual(await tcpListener(env), { host: "127.0.0.1", port: 9464, token: TOKEN });
  assert.deepEqual(addressOf("[::1]:1"), { host: "::1", port: 1 });
  for (const bad of [
    "0.0.0.0:1",
    "192.0.2.1:80",
    "[::]:80",
    "localhost:80",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:99999",
    ":80",
    "127.0.0.1.example.com:80",
  ]) {
    assert.throws(() => addressOf(bad), /write a loopback address and a port/, bad);
  }
});

test("without the token nothing is answered, not even that a path is not there", async () => {
  const api = fullApi();
  wantToken(api, TOKEN, () => 0);
  for (const path of ["/metrics", "/v1/status", "/healthz", "/nowhere"]) {
    const answer = await api.inject(path);
    assert.deepEqual(
      [answer.statusCode, answer.json().code, answer.headers["www-authenticate"]],
      [401, "unauthorized", "Bearer"],
      path,
    );
  }
  const right = { headers: { authorization: `Bearer ${TOKEN}` } };
  assert.match((await api.inject({ url: "/metrics", ...right })).body, /^# HELP opencode_supervisor_build_info/);
  assert.equal((await api.inject({ url: "/nowhere", ...right })).statusCode, 404);
});

test("who guesses is slowed down; who knows is always let in", async () => {
  let now = 1000;
  const api = fullApi();
  wantToken(api, TOKEN, () => now);
  const guess = async (authorization: string) =>
    (await api.inject({ url: "/metrics", headers: { authorization } })).statusCode;
  const codes: number[] = [];
  for (const [index] of Array.from({ length: 30 }).entries())
    codes.push(await guess(`Bearer ${TOKEN.slice(0, index)}`));
  assert.deepEqual(codes.slice(8, 12), [401, 401, 429, 429]);
  assert.equal(await guess(`Bearer ${TOKEN}`), 200);
  assert.equal(await guess(`bearer${"x".repeat(2000)}`), 429);
  now += 1000;
  assert.equal(await guess(TOKEN), 401);
});
