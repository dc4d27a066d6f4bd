/** Everything is read anew (a daemon-reload, another bus) while the daemon is at work: what was read may be older than what is so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { waitFor } from "../../testbed/wait.ts";
import { file, supervised } from "./testing.ts";

test("one that the daemon stops to begin it anew is not taken for stopped by hand", async () => {
  const host = supervised(file("a"));
  const [read, prepared] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let reading = Promise.resolve();
  const supervisor = host.make({
    leftovers: async () => {
      const markers = new Map(host.markers);
      await reading;
      return { markers, roots: new Set<string>() };
    },
  });
  await supervisor.start();
  await waitFor("ready", host.all(supervisor, "ready"));
  const { prepare } = host.host;
  host.host.prepare = async (wanted) => {
    await prepared.promise;
    await prepare(wanted);
  };
  reading = read.promise;
  host.systemd.say({ kind: "resync" });
  await setImmediate();
  const asked = supervisor.ask("a", "setup");
  await waitFor("stopped", () => host.calls.includes("stop opencode-a-setup.service"));
  read.resolve();
  await setImmediate();
  prepared.resolve();
  await asked;
  await waitFor("ready", host.all(supervisor, "ready"));
  assert.equal(host.calls.filter((call) => call === "start opencode-a.service").length, 2);
  supervisor.close();
});
