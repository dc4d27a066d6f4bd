/** What is not meant well, or comes in numbers: a clear refusal each, and the next one is served. */
import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fullApi, fullControl, readyView, serveAt, snapshotOf } from "./testing.ts";

async function socketFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "api-"));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, "a.sock");
}

/** Sends bytes; what came back until the other side closed. */
const send = (path: string, bytes: string): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    const socket = connect(path, () => socket.write(bytes));
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });

test("what is no HTTP, has too many headers or too large a body is refused by a problem document", async (t) => {
  const path = await socketFor(t);
  const control = fullControl();
  await serveAt(control, path, 0o600);
  t.after(() => control.close());
  const post = "POST /v1/instances/a/stop HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
  const cases: [string, number, string][] = [
    ["\u0000\u0001\u0002\r\n\r\n", 400, "bad-request"],
    [`GET / HTTP/1.1\r\nhost: x\r\n${`x: ${"y".repeat(100)}\r\n`.repeat(400)}\r\n`, 413, "too-large"],
    [`${post}content-type: application/json\r\ncontent-length: 99999\r\n\r\n`, 413, "too-large"],
    [`${post}content-type: application/json\r\ncontent-length: 1\r\n\r\n{`, 400, "bad-request"],
    [`${post}content-type: text/html\r\ncontent-length: 1\r\n\r\nx`, 400, "bad-request"],
    ["GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "bad-request"],
    [`${post}expect: a miracle\r\n\r\n`, 400, "bad-request"],
    ["CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "bad-request"],
    [
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      "bad-request",
    ],
    ["BREW / HTTP/1.1\r\nhost: x\r\n\r\n", 400, "bad-request"],
  ];
  for (const [bytes, status, code] of cases) {
    const [head = "", body = ""] = (await send(path, bytes)).split("\r\n\r\n");
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `), code);
    assert.match(head, /content-type: application\/problem\+json/i, code);
    assert.equal(JSON.parse(body).code, code);
  }
  assert.match(await send(path, `${post}\r\n`), /^HTTP\/1.1 202 /);
});

test("a name is looked up and never made part of a path or a command", async () => {
  const asked: string[] = [];
  const api = fullApi(undefined, {
    journalctl: async (args) => {
      asked.push(args.join(" "));
      return "";
    },
  });
  const control = fullControl(undefined, (name) => asked.push(name) > 0);
  const names = [
    "..%2f..%2fetc%2fpasswd",
    "a%00",
    "a%0a",
    "a b",
    "-x",
    "__proto__",
    "constructor",
    "A",
    "%ff",
    "a".repeat(500),
  ];
  for (const name of names) {
    for (const rest of ["", "/logs", "/egress"]) {
      const answer = await api.inject(`/v1/instances/${name}${rest}`);
      assert.ok([400, 404].includes(answer.statusCode), `${name}${rest}: ${answer.statusCode}`);
      assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
      assert.ok(answer.body.length < 1000);
    }
    const answer = await control.inject({ method: "POST", url: `/v1/instances/${name}/stop` });
    assert.ok([400, 404].includes(answer.statusCode), name);
  }
  assert.deepEqual(asked, []);
});

test("the journal is asked for a sane number of lines after a sane cursor, or not at all", async () => {
  const asked: string[][] = [];
  const api = fullApi(undefined, {
    journalctl: async (args) => {
      asked.push([...args]);
      return "";
    },
  });
  for (const query of [
    "lines=0",
    "lines=1001",
    "lines=-1",
    "lines=x",
    "lines=1&lines=2",
    "after=",
    "after=--all",
    "after=a%20b",
    "after[]=x",
  ]) {
    const answer = await api.inject(`/v1/instances/a/logs?${query}`);
    if (query === "after[]=x") continue; // another name: not asked for
    assert.deepEqual([answer.statusCode, answer.json().code], [400, "bad-request"], query);
  }
  asked.length = 0;
  assert.equal((await api.inject("/v1/instances/a/logs?lines=5&after=s=1;i=2")).statusCode, 200);
  assert.deepEqual(
    asked[0]?.filter((arg) => /lines|after|_SYSTEMD_UNIT=/.test(arg)),
    [
      ...["--after-cursor=s=1;i=2", "--lines=+5"],
      ...["_SYSTEMD_UNIT=opencode-a.service", "_SYSTEMD_UNIT=opencode-a-setup.service"],
    ],
  );
});

test("of many who read the journal four do, some wait, and the rest are told that it is busy", async () => {
  let now = 0;
  let most = 0;
  const gate = Promise.withResolvers<string>();
  const api = fullApi(undefined, {
    journalctl: async () => {
      most = Math.max(most, ++now);
      const text = await gate.promise;
      now--;
      return text;
    },
  });
  const all = Array.from({ length: 100 }, () => api.inject("/v1/instances/a/logs"));
  const first = await Promise.race(all);
  assert.deepEqual([first.statusCode, first.json().code], [503, "busy"]);
  gate.resolve("");
  const codes = (await Promise.all(all)).map(({ statusCode }) => statusCode);
  assert.deepEqual([codes.filter((code) => code === 200).length, most], [36, 4]);
  assert.equal((await api.inject("/v1/instances/a/logs")).statusCode, 200);
});

test("those who do not read the list of 500 instances share one answer", async (t) => {
  const path = await socketFor(t);
  const views = Array.from({ length: 500 }, (_, index) => ({ ...readyView, name: `instance-${index}` }));
  const api = fullApi(undefined, { snapshot: snapshotOf(views) });
  await serveAt(api, path);
  t.after(() => api.close());
  const before = process.memoryUsage();
  const sockets = await Promise.all(
    Array.from(
      { length: 300 },
      () =>
        new Promise<ReturnType<typeof connect>>((resolve) => {
          const socket = connect(path, () => socket.write("GET /v1/instances HTTP/1.1\r\nhost: x\r\n\r\n"));
          socket.once("readable", () => resolve(socket));
        }),
    ),
  );
  const { rss, arrayBuffers } = process.memoryUsage();
  for (const socket of sockets) socket.destroy();
  assert.ok(arrayBuffers - before.arrayBuffers < 100e6, `${(arrayBuffers - before.arrayBuffers) / 1e6} MB of buffers`);
  assert.ok(rss - before.rss < 200e6, `${(rss - before.rss) / 1e6} MB`);
  assert.equal((await api.inject("/v1/instances")).json().instances.length, 500);
});

test("a socket left over from a crash is replaced, and the control socket is root's alone", async (t) => {
  const path = await socketFor(t);
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(path, resolve));
  const control = fullControl();
  t.after(async () => {
    await control.close();
    dead.close();
  });
  await serveAt(control, path, 0o600);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.match(
    await send(path, "GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    /404[\s\S]*POST \/v1\/instances/,
  );
});
