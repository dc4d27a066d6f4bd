import assert from "node:assert/strict";
import { test } from "node:test";
import { JobWaiter } from "./jobs.ts";

test("a job's result is given to whoever started it", async () => {
  const jobs = new JobWaiter();
  const first = jobs.run(async () => "/job/1");
  const second = jobs.run(async () => "/job/2");
  await Promise.resolve();
  setImmediate(() => {
    jobs.removed("/job/2", "failed");
    jobs.removed("/job/1", "done");
  });
  assert.deepEqual(await Promise.all([first, second]), ["done", "failed"]);
});

test("a result heard before the reply is not lost", async () => {
  const jobs = new JobWaiter();
  const result = await jobs.run(async () => {
    jobs.removed("/job/1", "done");
    return "/job/1";
  });
  assert.equal(result, "done");
});

test("two calls that systemd answers with one job both hear of its end", async () => {
  const jobs = new JobWaiter();
  const both = Promise.all([jobs.run(async () => "/job/1"), jobs.run(async () => "/job/1")]);
  setImmediate(() => jobs.removed("/job/1", "done"));
  assert.deepEqual(await both, ["done", "done"]);
});

test("a call that is refused rejects, and a lost connection rejects everything that waits", async () => {
  const jobs = new JobWaiter();
  await assert.rejects(
    jobs.run(() => Promise.reject(new Error("refused"))),
    /refused/,
  );
  const waiting = jobs.run(async () => "/job/1");
  setImmediate(() => jobs.failAll(new Error("gone")));
  await assert.rejects(waiting, /gone/);
});
