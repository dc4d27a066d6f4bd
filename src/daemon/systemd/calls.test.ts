import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallOptions, createClient, type InvokeCallback, type Message } from "dbus-native";
import { callsOn } from "./calls.ts";
import { SystemdError } from "./port.ts";

/** dbus-daemon(1), max_replies_per_connection of the system bus. */
const REPLIES_MOST = 128;

test("more calls than the bus would bear wait for their turn, and all are made", async (t) => {
  const bus = createClient({ busAddress: "unix:path=/nonexistent" });
  bus.connection.on("error", () => undefined);
  let pending = 0;
  let most = 0;
  t.mock.method(bus, "invoke", (_message: Message, _options: CallOptions, callback: InvokeCallback) => {
    most = Math.max(most, ++pending);
    setImmediate(() => {
      pending--;
      callback(null, most);
    });
  });
  const call = callsOn(bus);
  const calls = Array.from({ length: 3 * REPLIES_MOST }, () => call({ member: "Get" }));
  assert.equal((await Promise.all(calls)).length, 3 * REPLIES_MOST);
  assert.ok(most < REPLIES_MOST, `${most} at once`);
});

test("a call that fails says how, and gives its turn back", async () => {
  const bus = createClient({ busAddress: "unix:path=/nonexistent" });
  bus.connection.on("error", () => undefined);
  const call = callsOn(bus);
  const calls = Array.from({ length: 2 * REPLIES_MOST }, () => call({ member: "Get" }));
  const isSystemdError = (error: unknown) => error instanceof SystemdError && error.code !== "";
  for (const made of calls) await assert.rejects(made, isSystemdError);
});
