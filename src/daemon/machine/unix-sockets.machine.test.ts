/** `sandbox.unixSockets.allow`: the sockets that are named, and no other, through every restart of those who serve them. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";
import { EVENTS } from "../journal/messages.ts";
import { light, Supervised } from "./testing.ts";

/** Serves each path it is given, and says its pid to whoever comes. */
const SERVER = `import os, socket, sys, threading
def serve(path):
    if os.path.lexists(path): os.unlink(path)
    s = socket.socket(socket.AF_UNIX); s.bind(path); os.chmod(path, 0o777); s.listen(9)
    while True:
        c, _ = s.accept(); c.sendall(b"%d" % os.getpid()); c.close()
for path in sys.argv[1:]: threading.Thread(target=serve, args=(path,)).start()`;
/** Goes to each path again and again, and writes down who was there last. */
const CLIENT = `import json, os, socket, sys, time
def ask(path):
    s = socket.socket(socket.AF_UNIX)
    try: s.settimeout(5); s.connect(path); return s.recv(99).decode()
    except OSError as e: return e.strerror
    finally: s.close()
while True:
    json.dump({path: ask(path) for path in sys.argv[1:]}, open("seen.new", "w")); os.rename("seen.new", "seen"); time.sleep(0.1)`;

const [NAMED, SIBLING, LATE, LATE_ELSEWHERE] = [
  "/run/db/named",
  "/run/db/sibling",
  "/run/late/socket",
  "/srv/late/socket",
];
const ALLOWED = [NAMED, LATE, LATE_ELSEWHERE];
/** Servers by unit: each has the directory of its sockets to itself, made anew with each start where it is below /run. */
const UNITS = {
  "db.service": [NAMED, SIBLING],
  "late.service": [LATE],
  "elsewhere.service": [LATE_ELSEWHERE],
};

describe("Unix sockets", () => {
  const client = (name: string, port: number) =>
    light(name, port, {
      command: ["/usr/bin/python3", "/usr/local/lib/client.py", ...ALLOWED, SIBLING],
      sandbox: { unixSockets: { allow: ALLOWED } },
    });
  let host: Supervised;

  before(async () => {
    host = await Supervised.up("sockets");
    const { machine } = host;
    await machine.sh("useradd --system server; install -d -o server /srv/late");
    await machine.writeFile("/usr/local/lib/server.py", SERVER);
    await machine.writeFile("/usr/local/lib/client.py", CLIENT);
    for (const [unit, paths] of Object.entries(UNITS)) {
      const directory = paths[0]?.startsWith("/run/") ? `RuntimeDirectory=${paths[0].split("/")[2]}` : "";
      const command = `/usr/bin/python3 /usr/local/lib/server.py ${paths.join(" ")}`;
      await machine.writeFile(
        `/etc/systemd/system/${unit}`,
        `[Service]\nUser=server\n${directory}\nExecStart=${command}\n`,
      );
    }
    await host.systemctl("daemon-reload");
    await host.systemctl("start", "db.service");
    await host.write({ a: client("a", 7001) });
    await host.systemctl("start", "opencode.target");
    await host.until("a", "starting");
  });
  after(async () => {
    await host?.down();
  });

  /** Waits until the instance has last met the present server at this path. */
  const reaches = async (path: string, unit: string): Promise<void> => {
    await host.waitFor(`${path} served by ${unit}`, async (saw) => {
      const [pid, seen] = [await host.show(unit, "MainPID"), await seenAt(path)];
      saw({ pid, seen });
      return pid !== "0" && seen === pid;
    });
  };
  const seenAt = async (path: string): Promise<string | null> => {
    const read = await host.machine.exec(["cat", "/srv/a/seen"], { check: false });
    const seen: unknown = read.stdout === "" ? {} : JSON.parse(read.stdout);
    const found = new Map(Object.entries(seen ?? {})).get(path);
    return typeof found === "string" ? found : null;
  };
  const meets = (path: string, what: RegExp) =>
    host.waitFor(`${path}: ${what}`, async (saw) => {
      const seen = await seenAt(path);
      saw(seen);
      return seen !== null && what.test(seen);
    });
  /** Lines of the supervisor about sockets. */
  const told = async (): Promise<string> => {
    const about = ["-u", SUPERVISOR_UNIT, `MESSAGE_ID=${EVENTS.socket.id}`];
    return (await host.machine.exec(["journalctl", "-o", "cat", ...about])).stdout;
  };

  it("a server is reached, its neighbour in the same directory is not, and what is not there yet keeps nobody from starting", async () => {
    await reaches(NAMED, "db.service");
    for (const path of [SIBLING, LATE]) await meets(path, /^No such file or directory$/);
    await meets(LATE_ELSEWHERE, /^(No such file or directory|Connection refused)$/);
  });

  it("a server that is restarted, its directory and socket made anew, is reached again by the same process", async () => {
    const pids = await host.pids("a");
    for (const _ of [1, 2, 3]) {
      await host.systemctl("restart", "db.service");
      await reaches(NAMED, "db.service");
    }
    await meets(SIBLING, /^No such file or directory$/);
    assert.deepEqual(await host.pids("a"), pids);
    // And nothing piles up
    const mounts = await host.machine.readFile(`/proc/${pids[0]}/mountinfo`);
    assert.equal(mounts.split("\n").filter((line) => line.includes(` ${NAMED} `)).length, 1);
  });

  for (const [path, unit] of [
    [LATE, "late.service"],
    [LATE_ELSEWHERE, "elsewhere.service"],
  ] as const) {
    it(`a socket that was not there at the start is reached when it is: ${path}`, async () => {
      const pids = await host.pids("a");
      await host.systemctl("start", unit);
      await reaches(path, unit);
      assert.deepEqual(await host.pids("a"), pids);
    });
  }

  it("what was made anew while the supervisor was away is bound when it is back", async () => {
    const pids = await host.pids("a");
    await host.systemctl("stop", SUPERVISOR_UNIT);
    await host.systemctl("restart", "db.service", "late.service", "elsewhere.service");
    await meets(NAMED, /^Connection refused$/);
    await host.systemctl("start", SUPERVISOR_UNIT);
    await reaches(NAMED, "db.service");
    await reaches(LATE, "late.service");
    await reaches(LATE_ELSEWHERE, "elsewhere.service");
    assert.deepEqual(await host.pids("a"), pids);
  });

  it("a server that is away when systemd starts the instance again is reached when it is back", async () => {
    const [pid] = await host.pids("a");
    await host.systemctl("stop", "db.service");
    await host.systemctl("kill", "--kill-whom=main", "--signal=KILL", "opencode-a.service");
    await host.until("a", "starting", (status) => status.pid !== null && status.pid !== pid);
    await meets(NAMED, /^No such file or directory$/);
    await host.systemctl("start", "db.service");
    await reaches(NAMED, "db.service");
  });

  it("a link that others could plant there is not followed, neither while it runs nor when it is started again", async () => {
    // Given somebody else's socket, open to all, and a link to it in place of the socket
    const { machine } = host;
    await host.systemctl("stop", "db.service");
    await machine.sh(`systemd-run -q --unit=theirs python3 /usr/local/lib/server.py /run/theirs
      install -d -o server /run/db; ln -s /run/theirs ${NAMED}; chown -h server ${NAMED}`);
    await machine.waitForUnit("theirs.service", "active");
    await host.waitFor("the refusal", async (saw) => {
      const lines = await told();
      saw(lines);
      return /\/run\/db\/named is a link, and others than root could put it there; it is not bound/.test(lines);
    });
    const theirs = await host.show("theirs.service", "MainPID");
    assert.notEqual(await seenAt(NAMED), theirs);
    // When systemd starts it again, it follows the link, until the supervisor has compared
    const [pid] = await host.pids("a");
    await host.systemctl("kill", "--kill-whom=main", "--signal=KILL", "opencode-a.service");
    await host.until("a", "starting", (status) => status.pid !== null && status.pid !== pid);
    await meets(NAMED, /^(Permission denied|Connection refused)$/);
    // And one that starts with the supervisor is not started at all
    await host.write({ a: client("a", 7001), b: client("b", 7002) });
    const { why } = await host.until("b", "blocked");
    assert.match(why ?? "", /sandbox\.unixSockets\.allow\[0\]: \/run\/db\/named is a link, and others/);
    // Then the socket itself, once it is back, is what is reached
    await machine.sh(`rm ${NAMED}`);
    await host.systemctl("start", "db.service");
    await reaches(NAMED, "db.service");
    await host.until("b", "starting");
  });

  it("a socket in a directory that everybody can write is refused, with what to write instead", async () => {
    const open = { ...client("open", 7003), sandbox: { unixSockets: { allow: ["/tmp/socket"] } } };
    await host.write({ a: client("a", 7001), open });
    const { why } = await host.until("open", "blocked");
    assert.match(why ?? "", /everybody can write \/tmp.*have its server make it in a directory of its own/);
  });
});
