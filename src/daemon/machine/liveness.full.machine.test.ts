/** A server that was ready and then hangs, with the real opencode; and one that is stopped by hand, restarted, hung while nobody looked. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised } from "./testing.ts";

const real = (name: string, port: number) => ({ directory: `/srv/${name}`, listen: { port } });
/** It takes five unanswered looks, 5 s each, to be sure. */
const PATIENT = { deadlineMs: 150_000 };

describe("a server that was ready", () => {
  let host: Supervised;
  const isReady = (name: string) => host.until(name, "ready", ({ pid }) => pid !== null);
  /** Stops every process of the instance, as a hang would. */
  const freeze = (name: string) => host.systemctl("kill", "--signal=STOP", `opencode-${name}.service`);

  before(async () => {
    host = await Supervised.up("liveness", { a: real("a", 7001), b: real("b", 7002), c: light("c", 7003) });
    await isReady("a");
    await isReady("b");
  });
  after(async () => {
    await host?.down();
  });

  it("and hangs is shown as unhealthy, then killed, and comes back; the others are left alone", async () => {
    const { pid } = await isReady("a");
    const others = await host.pids("b", "c");
    await freeze("a");
    const seen: string[] = [];
    await host.machine.waitFor(
      "another process",
      async (saw) => {
        const now = (await host.instances()).get("a");
        const line = `${now?.state}: ${now?.why}`;
        if (line !== seen.at(-1)) seen.push(line);
        saw(seen);
        return now?.state === "ready" && now.pid !== null && now.pid !== pid;
      },
      PATIENT,
    );
    const story = seen.join("\n");
    assert.match(story, /^unhealthy: port 7001: \S+ does not answer within 5000 ms$/m);
    assert.match(story, /^backing-off: the server hung and was killed: port 7001: /m);
    assert.deepEqual(await host.pids("b", "c"), others);
    const [entry] = await host.machine.journal({ unit: SUPERVISOR_UNIT, grep: "a: unhealthy" });
    assert.equal(entry?.OPENCODE_INSTANCE, "a");
  });

  it("and hangs while there is no supervisor is found by the next one", async () => {
    const { pid } = await isReady("b");
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await freeze("b");
    await host.systemctl("start", SUPERVISOR_UNIT);
    await host.machine.waitFor(
      "another process",
      async (saw) => {
        const now = (await host.instances()).get("b");
        saw(now);
        return now?.state === "ready" && now.pid !== null && now.pid !== pid;
      },
      PATIENT,
    );
  });

  it("with another password in its file since is still ready: it has the one that it was started with", async () => {
    await host.machine.writeFile("/etc/a.password", "first\n", 0o600);
    const instances = {
      a: { ...real("a", 7001), passwordFile: "/etc/a.password" },
      b: real("b", 7002),
      c: light("c", 7003),
    };
    await host.write(instances);
    await host.reload();
    const { pid } = await isReady("a");
    await host.machine.writeFile("/etc/a.password", "second\n", 0o600);
    await host.systemctl("restart", SUPERVISOR_UNIT);
    assert.equal((await isReady("a")).pid, pid);
  });
});
