/** Following a server, by what is told of it; what is done about a server that hangs is in supervisor.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { blankView } from "../instance/controller.ts";
import { up } from "../instance/testing.ts";
import type { ProbeResult } from "./probe.ts";
import { HealthWatch } from "./watch.ts";

test("a server that has just begun is not asked before anybody can listen; one that ran before is asked at once", async () => {
  for (const [age, firsts] of [
    [0, ["pause", "probe"]],
    [60_000, ["probe"]],
  ] as const) {
    const did: string[] = [];
    const watch = new HealthWatch({
      probe: async () => {
        did.push("probe");
        return { ready: true, version: "1" };
      },
      pulse: () => async () => ({ kind: "alive" }),
      report: (_name, { kind }) => void did.push(kind),
      started: () => undefined,
      pause: () => {
        did.push("pause");
        return new Promise((resolve) => setImmediate(resolve));
      },
    });
    watch.begin();
    watch.follow({ ...blankView("a"), main: { ...up("opencode-a.service"), since: (Date.now() - age) * 1000 } });
    await waitFor("it to be ready", () => did.includes("ready"));
    watch.close();
    assert.deepEqual(did.slice(0, firsts.length + 1), ["checking", ...firsts]);
  }
});

/** Follows a server that was started at `since` (microseconds, as systemd has it) until it is ready; the starts it tells of. */
async function startsOf(since: number, answers: ProbeResult[]): Promise<number[]> {
  const starts: number[] = [];
  const kinds: string[] = [];
  const watch = new HealthWatch({
    probe: async () => answers.shift() ?? { ready: true, version: "1.2.3" },
    pulse: () => async () => ({ kind: "alive" }),
    report: (_name, { kind }) => void kinds.push(kind),
    started: (seconds) => void starts.push(seconds),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  });
  watch.begin();
  const main = { ...up("opencode-a.service"), since };
  watch.follow({ ...blankView("a"), main });
  await waitFor("it to be ready", () => kinds.includes("ready"));
  watch.follow({ ...blankView("a"), main });
  watch.close();
  return starts;
}

test("how long a server took to be ready is told once, and not of one that ran before", async () => {
  const [seconds = -1, ...more] = await startsOf((Date.now() + 60_000) * 1000, [
    { ready: false, why: "no answer yet" },
  ]);
  assert.deepEqual([seconds, more], [0, []], "a clock that was set back gives no negative time");
  const began = Date.now();
  const [since = -1] = await startsOf((began + 1) * 1000, [{ ready: false, why: "no answer yet" }]);
  assert.ok(since >= 0 && since <= (Date.now() - began) / 1000, `${since}`);
  assert.deepEqual(await startsOf((began - 3_600_000) * 1000, []), []);
});
