import assert from "node:assert/strict";
import { test } from "node:test";
import { toEntry } from "./entry.ts";
import { EVENTS } from "./messages.ts";

test("a record of a kind becomes an entry with its MESSAGE_ID and our fields", () => {
  const record = {
    level: 40,
    time: 1,
    pid: 2,
    hostname: "h",
    msg: "a: w; f",
    kind: "blocked",
    instance: "a",
    n: 3,
    none: null,
  };
  assert.deepEqual(toEntry(record), {
    priority: 4,
    message: "a: w; f",
    fields: {
      SYSLOG_IDENTIFIER: "opencode-supervisor",
      MESSAGE_ID: EVENTS.blocked.id,
      OPENCODE_INSTANCE: "a",
      OPENCODE_N: "3",
    },
  });
});

test("a NUL never reaches the binding, and an unknown kind is only a field", () => {
  const { message, fields } = toEntry({ level: 30, msg: "a\0b", kind: "constructor", x: "\0" });
  assert.equal(message, "a\uFFFDb");
  assert.deepEqual(fields, {
    SYSLOG_IDENTIFIER: "opencode-supervisor",
    OPENCODE_KIND: "constructor",
    OPENCODE_X: "\uFFFD",
  });
});

test("message ids are 128-bit, lower-case hex, and each kind has its own", () => {
  const ids = Object.values(EVENTS).map(({ id }) => id);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(new Set(ids).size, ids.length);
});
