import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { fullApi, serveAt } from "../api/testing.ts";
import { EventRing } from "./ring.ts";

const PATH = "/v1/events/stream";

/** The API on a socket of its own. */
async function serving(t: TestContext, { kept = 512, streams = 1000 } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "events-"));
  const socketPath = join(directory, "status.sock");
  const ring = new EventRing("run", kept);
  const api = fullApi(undefined, { ring, streams });
  await serveAt(api, socketPath);
  t.after(async () => {
    await api.close();
    await rm(directory, { recursive: true });
  });
  const open = (path = PATH, headers: Record<string, string> = {}) =>
    new Promise<{ call: ClientRequest; answer: IncomingMessage; text: () => string }>((resolve, reject) => {
      const call = request({ socketPath, path, headers, agent: false }, (answer) => {
        let text = "";
        answer.on("error", () => undefined);
        if (answer.statusCode !== 200 || headers.still === undefined) answer.on("data", (chunk) => (text += chunk));
        resolve({ call, answer, text: () => text });
      });
      call.on("error", reject);
      call.end();
      t.after(() => call.destroy());
    });
  return { ring, api, open };
}
const say = (ring: EventRing, message: string, instance = "a") =>
  ring.add("info", { kind: "state", instance, state: "ready" }, message);

test("events come as they happen, those of one instance when asked so", async (t) => {
  const { ring, open } = await serving(t);
  say(ring, "before");
  const [all, one] = await Promise.all([open(), open(`${PATH}?instance=b`)]);
  assert.match(String(all.answer.headers["content-type"]), /^text\/event-stream/);
  say(ring, "first");
  say(ring, "second", "b");
  await waitFor("both", () => all.text().includes("second") && one.text().includes("second"));
  assert.match(all.text(), /^id: run-2\nevent: state\ndata: \{"id":"run-2".*"message":"first".*\}\n\n/m);
  assert.deepEqual([all.text().includes("before"), one.text().includes("first")], [false, false]);
});

test("one who comes back gets what came meanwhile, once; too late, he is told that he missed some", async (t) => {
  const { ring, open } = await serving(t, { kept: 3 });
  for (const message of ["one", "two", "three"]) say(ring, message);
  const back = await open(PATH, { "last-event-id": "run-1" });
  await waitFor("the last", () => back.text().includes("three"));
  assert.deepEqual([back.text().includes('"one"'), back.text().includes("missed")], [false, false]);
  for (const message of ["four", "five"]) say(ring, message);
  for (const id of ["run-1", "elsewhere-4"]) {
    const late = await open(PATH, { "last-event-id": id });
    await waitFor("the last", () => late.text().includes("five"));
    assert.match(late.text(), /event: missed[\s\S]*"three"[\s\S]*"four"/);
  }
});

test("who asks for the head of the stream alone follows nothing, and is not left waiting", async () => {
  assert.equal((await fullApi().inject({ method: "HEAD", url: PATH })).statusCode, 404);
});

test("one more than may follow is refused by a problem document, and has a place when another goes", async (t) => {
  const { open } = await serving(t, { streams: 2 });
  const [first] = await Promise.all([open(), open()]);
  const third = await open();
  assert.equal(third.answer.statusCode, 503);
  await waitFor("the document", () => third.text().endsWith("}"));
  assert.equal(JSON.parse(third.text()).code, "too-many-streams");
  first.call.destroy();
  await waitFor("a place", async () => (await open()).answer.statusCode === 200);
});

test("one who does not read costs no more for a thousand events than for one, and the others do not wait for him", async (t) => {
  const { ring, open } = await serving(t);
  const slow = await open(PATH, { still: "1" });
  const quick = await open();
  const much = "x".repeat(900);
  for (let i = 0; i < 5000; i++) {
    say(ring, `${i} ${much}`);
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor("the last", () => quick.text().includes('"4999 '));
  let text = "";
  slow.answer.on("data", (chunk) => (text += chunk));
  await waitFor("the last, at last", () => text.includes('"4999 '));
  assert.match(text, /event: missed/);
  assert.ok(text.length < 4_000_000, "of 5,000 events most were never kept for him");
});

test("a thousand who follow and hear nothing, and a thousand requests at once beside them", async (t) => {
  const { ring, open, api } = await serving(t);
  const followers = await Promise.all(Array.from({ length: 1000 }, () => open()));
  const codes = await Promise.all(
    Array.from({ length: 1000 }, async () => (await open("/v1/status")).answer.statusCode),
  );
  assert.deepEqual([...new Set(codes)], [200]);
  say(ring, "hello");
  await waitFor("all hear it", () => followers.every(({ text }) => text().includes("hello")), { deadlineMs: 30_000 });
  await api.close();
  await waitFor("all are let go", () => followers.every(({ answer }) => answer.complete || answer.destroyed));
});
