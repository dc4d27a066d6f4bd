/** A server that was ready and then hangs, with the real opencode; one that hung while nobody looked; and one that hangs not, but starves. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised } from "./testing.ts";

const real = (name: string, port: number) => ({ directory: `/srv/${name}`, listen: { port } });
/** Seconds that answers are waited for: until the supervisor's next look, and through those after which it would be hung. */
const PATIENCE = [30, 5, 5, 5, 10, 20, 10];
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
    const [killed] = await host.machine.journal({
      unit: SUPERVISOR_UNIT,
      grep: "a: backing-off: the server hung and was killed",
    });
    assert.equal(killed?.OPENCODE_INSTANCE, "a");
  });

  it("and gets no processor for longer than it takes to be taken for hung is not killed: it answers when it has one", async () => {
    const { pid } = await isReady("b");
    const cursor = await host.machine.journalCursor();
    const password = await host.password("b");
    const answers = async (patience: number): Promise<boolean> => {
      const ask = ["curl", "-s", "-m", String(patience), "-u", `opencode:${password}`];
      return (await host.machine.exec([...ask, "http://127.0.0.1:7002/global/health"], { check: false })).code === 0;
    };
    // Given one processor that something else always wants, and has: by cgroup, and where the host schedules by session, by that
    const [one, mine] = [
      "$(taskset --cpu-list --pid 1 | grep -o '[0-9]*' | sed -n 2p)",
      "$(systemctl show --value -p ControlGroup opencode-b)",
    ];
    const each = (command: string) =>
      host.machine.sh(`for pid in $(cat /sys/fs/cgroup${mine}/cgroup.procs); do ${command}; done`);
    await host.machine.sh(`systemd-run -q --unit=hog -p CPUWeight=10000 taskset --cpu-list ${one} sh -c 'while :; do :; done'
      echo -20 > /proc/$(systemctl show --value -p MainPID hog)/autogroup || true
      systemctl set-property --runtime opencode.slice CPUWeight=idle`);
    await each(`taskset --all-tasks --cpu-list --pid ${one} $pid; echo 19 > /proc/$pid/autogroup || true`);
    // When it is silent for so long
    await host.machine.waitFor(
      "silence",
      async (saw) => {
        for (const [look, patience] of PATIENCE.entries()) {
          saw(`look ${look}`);
          if (await answers(patience)) return false;
        }
        return true;
      },
      PATIENT,
    );
    assert.equal((await host.instances()).get("b")?.pid, pid);
    // Then, with a processor, it is what it was
    await host.machine.sh("systemctl stop hog.service; systemctl set-property --runtime opencode.slice CPUWeight=100");
    await each("echo 0 > /proc/$pid/autogroup || true");
    await host.machine.waitFor("an answer", () => answers(5), PATIENT);
    assert.equal((await isReady("b")).pid, pid);
    assert.deepEqual(
      await host.machine.journal({ unit: SUPERVISOR_UNIT, grep: "b: (unhealthy|backing-off)", afterCursor: cursor }),
      [],
    );
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
