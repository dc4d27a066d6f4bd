/** A thousand who follow, a thousand who ask at once, hundreds who take their time: the daemon answers all, and its memory is bounded. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RUNTIME_DIR, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { light, Supervised } from "./testing.ts";

/** MiB that the daemon may take for all of this together; 37 to 43 were measured. */
const GROWTH_MOST = 64;

/**
 * Runs in the machine: opens COUNT connections that say TEXT, prints how many there are, and with `answers` how many answers
 * began with each status; keeps them until its standard input ends.
 */
const CROWD = `import socket, sys, collections, selectors
count, text, wanted = int(sys.argv[1]), sys.argv[2].encode().decode("unicode_escape").encode(), sys.argv[3] == "answers"
crowd = []
for _ in range(count):
    s = socket.socket(socket.AF_UNIX); s.connect("${RUNTIME_DIR}/status.sock"); s.settimeout(60); s.sendall(text); crowd.append(s)
if wanted:
    print(dict(collections.Counter(s.recv(65536)[:12].decode() for s in crowd)), flush=True)
else:
    print("there", flush=True)
sys.stdin.read()
`;

describe("load on the API", () => {
  let host: Supervised;
  const memory = async () => {
    const pid = await host.show(SUPERVISOR_UNIT, "MainPID");
    return Number((await host.machine.sh(`awk '/^VmRSS/ { print $2 }' /proc/${pid}/status`)).stdout) / 1024;
  };
  /** Has so many say this and stay; what the first of them were answered. */
  const crowd = async (unit: string, count: number, text: string, what = "answers"): Promise<string> => {
    const run = `systemd-run -q --unit=${unit} -p LimitNOFILE=8192 -p StandardInput=file:/root/never -p StandardOutput=file:/root/${unit} python3 /root/crowd.py`;
    await host.machine.sh(`${run} ${count} '${text}' ${what}`);
    return await host.waitFor(unit, async () => {
      const { stdout } = await host.machine.exec(["cat", `/root/${unit}`], { check: false });
      return stdout.endsWith("\n") && stdout.trim();
    });
  };
  const STATUS = "GET /v1/status HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n";

  before(async () => {
    host = await Supervised.up("load", { a: light("a", 8001) });
    await host.untilAll({ a: "starting" });
    await host.machine.writeFile("/root/crowd.py", CROWD);
    // Opened for reading and writing it never ends.
    await host.machine.sh("mkfifo /root/never; systemd-run -q --unit=never sh -c 'exec sleep infinity <>/root/never'");
  });
  after(async () => {
    await host?.down();
  });

  it("of a thousand who follow all do, and one more is told that there is no place", async (t) => {
    const before = await memory();
    const follow = "GET /v1/events/stream HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n";
    assert.equal(await crowd("followers", 1000, follow), "{'HTTP/1.1 200': 1000}");
    assert.equal(await crowd("late", 1, follow), "{'HTTP/1.1 503': 1}");
    // Beside them a thousand ask at once, of whom none reads, and some begin and do not go on.
    assert.equal(await crowd("askers", 1000, STATUS), "{'HTTP/1.1 200': 1000}");
    assert.equal(await crowd("beginners", 100, "POST /x HTTP/1.1\\r\\nhost:", "there"), "there");
    assert.equal((await host.status()).instances.starting, 1);
    const grown = (await memory()) - before;
    t.diagnostic(`${grown.toFixed(1)} MiB more`);
    assert.ok(grown < GROWTH_MOST, `${grown.toFixed(1)} MiB`);
  });

  it("who follows is let go by a daemon that ends, and the instance runs on", async () => {
    await host.systemctl("stop", "late", "askers", "beginners");
    const [pid] = await host.pids("a");
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.untilAll({ a: "starting" });
    assert.deepEqual(await host.pids("a"), [pid]);
    assert.match(
      (await host.machine.sh(`curl -s --unix-socket ${RUNTIME_DIR}/status.sock http://x/metrics`)).stdout,
      /^opencode_event_followers 0$/m,
    );
  });

  it("too many connections are closed at once, and there is room again when they are gone", async () => {
    await host.machine.sh("systemctl stop followers");
    assert.equal(await crowd("silent", 2300, "", "there"), "there");
    await host.machine.sh("systemctl stop silent");
    await host.untilAll({ a: "starting" });
  });
});
