/** What an operator has of a running supervisor: its two sockets, its events in API and journal, and what may be asked of it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Value } from "typebox/value";
import { RUNTIME_DIR, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { InstanceDetail, InstanceStatus, LogPage } from "../api/model.ts";
import { EventList } from "../events/model.ts";
import { EVENTS } from "../journal/messages.ts";
import { light, Supervised, scripted } from "./testing.ts";

describe("the operator's sockets", () => {
  let host: Supervised;
  const curl = async (socket: string, path: string, ...more: string[]) => {
    const argv = ["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", `${RUNTIME_DIR}/${socket}.sock`, ...more];
    const { stdout } = await host.machine.exec([...argv, `http://localhost${path}`]);
    const cut = stdout.lastIndexOf("\n");
    const body: unknown = JSON.parse(stdout.slice(0, cut) || "null");
    return { code: Number(stdout.slice(cut)), body };
  };
  const ask = async (name: string, action: string) => {
    const { code, body } = await curl("control", `/v1/instances/${name}/${action}`, "-X", "POST");
    assert.equal(code, 202, JSON.stringify(body));
    return Value.Parse(InstanceStatus, body);
  };

  before(async () => {
    host = await Supervised.up("operator", {
      a: light("a", 8001),
      b: scripted("b", 8002, "echo hello from b; exec sleep infinity"),
    });
    await host.untilAll({ a: "starting", b: "starting" });
  });
  after(async () => {
    await host?.down();
  });

  it("a member of the group reads and cannot write; a stranger does neither", async () => {
    const as = async (groups: string, socket: string) => {
      const user = ["setpriv", "--reuid=65534", "--regid=65534", groups];
      const argv = [...user, "curl", "-s", "--unix-socket", `${RUNTIME_DIR}/${socket}.sock`, "http://x/healthz"];
      return (await host.machine.exec(argv, { check: false })).code === 0;
    };
    const gid = (await host.machine.sh("getent group opencode | cut -d: -f3")).stdout.trim();
    assert.deepEqual(
      [
        await as(`--groups=${gid}`, "status"),
        await as(`--groups=${gid}`, "control"),
        await as("--clear-groups", "status"),
      ],
      [true, false, false],
    );
  });

  it("one instance is told with what it uses and the hash of its configuration", async () => {
    const { body } = await curl("status", "/v1/instances/a");
    const { usage, configHash } = Value.Parse(InstanceDetail, body);
    assert.match(configHash ?? "", /^[0-9a-f]{64}$/);
    assert.ok(usage.cpuSeconds !== null && usage.cpuSeconds > 0);
  });

  it("its lines are those of its units, and those that came since", async () => {
    const page = await host.waitFor("b's line", async () => {
      const found = Value.Parse(LogPage, (await curl("status", "/v1/instances/b/logs")).body);
      return found.lines.some(({ message }) => message === "hello from b") && found;
    });
    assert.ok(page.lines.every(({ unit }) => /^opencode-b(-setup)?\.service$|^init\.scope$/.test(unit)));
    const after = `/v1/instances/b/logs?after=${encodeURIComponent(page.cursor ?? "")}`;
    await ask("b", "restart");
    await host.waitFor("the line again", async () => {
      const { lines } = Value.Parse(LogPage, (await curl("status", after)).body);
      return lines.some(({ message }) => message === "hello from b");
    });
  });

  it("stop, start, restart and setup do what they say; the neighbour runs on", async () => {
    const [other] = await host.pids("b");
    await ask("a", "stop");
    await host.until("a", "stopped");
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.until("a", "stopped");
    await ask("a", "start");
    const started = await host.until("a", "starting", ({ pid }) => pid !== null);
    await ask("a", "restart");
    const again = await host.until("a", "starting", ({ pid }) => pid !== null && pid !== started.pid);
    const setup = await host.show("opencode-a-setup.service", "InvocationID");
    await ask("a", "setup");
    await host.until("a", "starting", ({ pid }) => pid !== null && pid !== again.pid);
    assert.notEqual(await host.show("opencode-a-setup.service", "InvocationID"), setup);
    assert.deepEqual(await host.pids("b"), [other]);
  });

  it("what was asked is in the API's events and in the journal, which explains it", async () => {
    const { events } = Value.Parse(EventList, (await curl("status", "/v1/events?instance=a")).body);
    const asked = events.filter(({ kind }) => kind === "asked").map(({ fields }) => fields.action);
    assert.deepEqual(asked, ["start", "restart", "setup"], "since the supervisor was restarted");
    const query = [`_SYSTEMD_UNIT=${SUPERVISOR_UNIT}`, `MESSAGE_ID=${EVENTS.asked.id}`];
    const explained = await host.waitFor("the journal", async () => {
      const { stdout } = await host.machine.exec(["journalctl", "-x", "--no-pager", ...query]);
      return stdout.includes("setup was asked for") && stdout;
    });
    assert.match(explained, /Subject: Somebody asked for setup of instance a/);
  });

  it("one that is not to run says so", async () => {
    await host.write({ a: light("a", 8001, { enable: false }), b: light("b", 8002) });
    await host.reload();
    await host.until("a", "disabled");
    const { code, body } = await curl("control", "/v1/instances/a/start", "-X", "POST");
    assert.deepEqual([code, JSON.stringify(body).includes("not-runnable")], [409, true]);
  });
});
