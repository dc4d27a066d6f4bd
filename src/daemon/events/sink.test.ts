import assert from "node:assert/strict";
import { test } from "node:test";
import { type EventSink, heldBack } from "./sink.ts";

test("what was told before there was anybody to tell comes first, in order", () => {
  const heard: string[] = [];
  const hear = (level: string) => (_: unknown, text: string) => void heard.push(`${level} ${text}`);
  const log: EventSink = { info: hear("info"), warn: hear("warn"), error: hear("error") };
  const sink = heldBack();
  sink.info({ kind: "state" }, "one");
  sink.error({ kind: "state" }, "two");
  assert.deepEqual(heard, []);
  sink.tell(log);
  sink.warn({ kind: "state" }, "three");
  assert.deepEqual(heard, ["info one", "error two", "warn three"]);
});
