/** What an operator has of a running supervisor: its two sockets, its events in API and journal, and what may be asked of it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { Value } from "typebox/value";
import { ANSWERS } from "../../cli/answers.ts";
import { INSTANCE_FILE, RUNTIME_DIR, SUPERVISOR_SOCKETS, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { InstanceDetail, InstanceStatus, LogPage } from "../api/model.ts";
import { EventList } from "../events/model.ts";
import { EVENTS } from "../journal/messages.ts";
import { type Fields, light, Supervised, scripted } from "./testing.ts";

/** Prints lines of bytes that are no text, each as long as the journal gives whole. */
const LOUD = `perl -e 'print((chr(255) x 4000 . "\\n") x 1200)'`;

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
      b: scripted("b", 8002, `echo hello from b; [ ! -e loud ] || ${LOUD}; exec sleep infinity`),
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

  it("one instance is told with what it uses, the hash of its configuration and its exposure", async () => {
    // On a busy machine systemd does not say the exposure in time at first.
    const { usage, configHash, exposure } = await host.waitFor("what systemd says of it", async () => {
      const found = Value.Parse(InstanceDetail, (await curl("status", "/v1/instances/a")).body);
      return found.exposure !== null && found;
    });
    const security = await host.machine.exec(["systemd-analyze", "security", "--no-pager", "opencode-a.service"]);
    assert.match(security.stdout, new RegExp(`exposure level for opencode-a.service: ${exposure?.toFixed(1)} `));
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

  it("as many as can be asked for are told, also of one that prints what takes the most room", async () => {
    await host.machine.sh("touch /srv/b/loud");
    await ask("b", "restart");
    const lines = await host.waitFor("the lines", async (saw) => {
      const answer = await curl("status", "/v1/instances/b/logs?lines=1000");
      saw(answer);
      const page = Value.Parse(LogPage, answer.body);
      return page.lines.length === 1000 && page.lines[0]?.message.startsWith("\uFFFD") && page.lines;
    });
    assert.ok(lines.every(({ message }) => message.length <= 2000));
    await host.machine.sh("rm /srv/b/loud");
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
    const since = events.slice(events.findIndex(({ fields }) => fields.action === "restart"));
    assert.deepEqual(
      since.filter(({ fields }) => fields.state === "stopped"),
      [],
    );
    assert.ok(since.some(({ fields }) => fields.state === "stopping"));
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

describe("the operator's program", () => {
  let host: Supervised;
  /** With something to say that is wider than a terminal. */
  const serviceConfig = {
    SystemCallFilter: "@debug @keyring @memlock @timer @pkey @ipc @io-event @file-system @network-io",
  };
  const wide = light("b", 8002, { sandbox: { serviceConfig } });
  before(async () => {
    host = await Supervised.up("cli", {
      a: scripted("a", 8001, "echo hello from a; exec sleep infinity"),
      b: wide,
    });
    await host.untilAll({ a: "starting", b: "starting" });
  });
  after(async () => {
    await host?.down();
  });
  /** Runs it, wants this exit status, and what it printed as the JSON that is published for the command. */
  const json = async <C extends keyof typeof ANSWERS>(command: C, status: number, ...args: string[]) => {
    const { code, stdout, stderr } = await host.cli(command, ...args, "--json");
    assert.equal(code, status, `${command}: ${stdout}${stderr}`);
    return Value.Parse(ANSWERS[command], JSON.parse(stdout));
  };

  it("says with --json what is published, for every command that reads", async () => {
    await host.waitFor("a's line", async () => (await host.cli("logs", "a")).stdout.includes("hello from a"));
    await json("status", 0);
    await json("status", 0, "a");
    await json("show", 0, "a");
    assert.deepEqual((await json("instances", 0, "--state", "ready")).instances, []);
    assert.equal((await json("logs", 0, "a", "-n", "1")).lines.length, 1);
    await json("blocked", 0);
    assert.ok((await json("events", 0, "a")).events.every(({ instance }) => instance === "a"));
    await json("validate", 0, INSTANCE_FILE);
    await json("explain", 0, "a");
    assert.equal((await json("credentials", 0, "a")).password, await host.password("a"));
    const { findings } = await json("doctor", 0);
    assert.deepEqual(
      findings.filter(({ state }) => state === "missing"),
      [],
    );
  });

  it("its tables fit 80 columns and are plain when a program reads", async () => {
    for (const args of [["status"], ["instances"], ["doctor"], ["help"]]) {
      const { stdout } = await host.cli(...args);
      assert.ok(stdout.length > 0 && !stdout.includes("\u001b"), args.join());
      for (const line of stdout.split("\n")) assert.ok(line.length <= 80 || /[;:]/.test(line), line);
    }
    const onTerminal = (command: string) => {
      const run = `stty columns 80; opencode-supervisor ${command}`;
      return host.machine.exec(["script", "-qec", run, "/dev/null"], { check: false });
    };
    for (const command of ["instances", "show a", "explain a", "explain b", "blocked", "doctor"]) {
      const { stdout } = await onTerminal(command);
      const lines = stripVTControlCharacters(stdout).split(/\r?\n/);
      assert.ok(lines.length > 1, command);
      for (const line of lines) assert.ok(line.length <= 80, `${command}: ${line}`);
    }
    const colours = await onTerminal("doctor");
    assert.ok(colours.stdout.includes("\u001b[32mok\u001b[0m"), colours.stdout);
  });

  it("diff says what a reload will do, and the reload does it", async () => {
    const file = { a: light("a", 8001, { logLevel: "DEBUG" }), b: wide };
    await host.machine.writeFile("/root/next.json", JSON.stringify({ version: 1, instances: file }));
    assert.equal((await json("diff", 65, "/etc/passwd")).problems.length, 1);
    const { instances } = await json("diff", 1, "/root/next.json");
    assert.deepEqual(
      instances.map(({ name, effect }) => `${name} ${effect}`),
      ["a restarts"],
    );
    const [a, b] = await host.pids("a", "b");
    await host.write(file);
    await host.reload();
    await host.until("a", "starting", ({ pid }) => pid !== null && pid !== a);
    assert.deepEqual(await host.pids("b"), [b]);
    await json("diff", 0, "/root/next.json");
    assert.deepEqual(await host.pids("b"), [b], "and the hash it computed is the one the supervisor runs with");
    const { specHash } = await json("explain", 0, "b");
    assert.equal((await host.instances()).get("b")?.specHash, specHash);
  });

  it("stops and starts what it is told, and says what stands in the way", async () => {
    assert.equal((await json("stop", 0, "b", "--wait")).state, "stopped");
    assert.equal((await host.cli("start", "b")).code, 0);
    await host.until("b", "starting");
    const { code, stderr } = await host.cli("start", "nobody");
    assert.deepEqual(
      [code, stderr],
      [66, 'opencode-supervisor: no instance "nobody"; see `opencode-supervisor instances`\n'],
    );
    const asNobody = ["setpriv", "--reuid=65534", "--clear-groups", "opencode-supervisor"];
    for (const [args, status] of [
      [["status"], 77],
      [["stop", "a"], 77],
      [["reload"], 77],
      [["teardown", "--json"], 77],
      [["credentials", "a"], 77],
    ] as const) {
      assert.equal((await host.machine.exec([...asNobody, ...args], { check: false })).code, status, args.join(" "));
    }
  });

  it("start without a name and reload --wait say how far all are, and end with how they are", async () => {
    for (const name of ["a", "b"]) assert.equal((await host.cli("stop", name, "--wait")).code, 0);
    for (const args of [["start"], ["reload", "--wait"]]) {
      const { code, stdout, stderr } = await host.cli(...args);
      assert.deepEqual([code, stderr], [0, "0 of 2 instances up, 2 stopped\n"], args.join(" "));
      assert.match(stdout, /^NAME +STATE.*\na +stopped.*\nb +stopped/);
    }
    const terminal = ["script", "-qec", "env -u NO_COLOR TERM=xterm opencode-supervisor start", "/dev/null"];
    const { stdout } = await host.machine.exec(terminal);
    const end = "\u001b[K";
    const [before, after = ""] = stdout.split(`\r0 of 2 instances up, 2 stopped${end}\r${end}NAME`);
    assert.ok(after.includes("stop"), `${before}${after}`);
    assert.equal((await json("start", 0)).state, "ok");
    assert.equal((await json("reload", 0, "--wait")).state, "ok");
    for (const name of ["a", "b"]) {
      await host.cli("start", name);
      await host.until(name, "starting");
    }
    assert.match(await host.show(SUPERVISOR_UNIT, "StatusText"), /^0 of 2 instances up$/);
  });

  it("events --follow goes on over a restart of the supervisor", async () => {
    await host.machine.sh(
      "systemd-run --unit follow --property=StandardOutput=file:/root/events opencode-supervisor events -f --json",
    );
    const seen = async (what: string) =>
      host.waitFor(what, async () => (await host.machine.sh("cat /root/events || true")).stdout.includes(what));
    await host.cli("restart", "b");
    await seen('"action":"restart"');
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.until("b", "starting");
    await host.cli("setup", "b");
    await seen('"action":"setup"');
    await host.systemctl("stop", "follow.service");
  });

  it("attach gives opencode the address and the password, and nobody sees it in the arguments", async () => {
    const program = '#!/bin/sh\necho "$@" "$OPENCODE_SERVER_PASSWORD"\nexit 7\n';
    await host.machine.writeFile("/root/opencode", program, 0o755);
    const { code, stdout } = await host.cli("attach", "a", "--program", "/root/opencode", "--", "--continue");
    const password = await host.password("a");
    assert.deepEqual([code, stdout], [7, `attach http://127.0.0.1:8001 --continue ${password}\n`]);
    const told = await host.cli("attach", "a", "--json", "--program", "/root/opencode", "--", "--continue");
    assert.ok(!told.stdout.includes(password));
    const run = Value.Parse(ANSWERS.attach, JSON.parse(told.stdout));
    assert.deepEqual([run.program, ...run.arguments], ["/root/opencode", "attach", run.url, "--continue"]);
  });

  it("without a supervisor says how to start one", async () => {
    await host.systemctl("stop", SUPERVISOR_UNIT, ...SUPERVISOR_SOCKETS);
    for (const args of [["status"], ["show", "a"], ["logs", "a"], ["events"], ["stop", "a"], ["blocked"]]) {
      const { code, stderr } = await host.cli(...args);
      assert.deepEqual([code, stderr.includes("systemctl start opencode.target")], [69, true], args.join(" "));
    }
    assert.equal((await host.cli("doctor")).code, 1);
  });
});

describe("the listener on loopback", () => {
  const TOKEN = "0123456789abcdef0123456789abcdef";
  const URL = "http://127.0.0.1:9464/metrics";
  /** A server that asks for the metrics, token and all, and writes down what HTTP status it got: 000 for none. */
  const asking = (name: string, port: number, more: Fields = {}) =>
    scripted(
      ...([name, port] as const),
      `while :; do echo "got $(curl -s -m 2 -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer ${TOKEN}' ${URL})"; sleep 1; done`,
      more,
    );
  let host: Supervised;
  before(async () => {
    host = await Supervised.up("listener");
    // As on any host: systemd mounts credentials in a namespace of its own, and what it mounts has to be seen outside.
    await host.machine.sh("mount --make-rshared /");
    await host.machine.writeFile("/etc/opencode/api-token", `${TOKEN}\n`, 0o600);
    const dropIn =
      "[Service]\nEnvironment=OPENCODE_SUPERVISOR_LISTEN=127.0.0.1:9464\nLoadCredential=api-token:/etc/opencode/api-token\n";
    await host.machine.writeFile(`/etc/systemd/system/${SUPERVISOR_UNIT}.d/listen.conf`, dropIn);
    await host.systemctl("daemon-reload");
    await host.write({
      open: asking("open", 8001),
      isolated: asking("isolated", 8002, { networkIsolation: { enable: true } }),
      allowed: asking("allowed", 8003, { networkIsolation: { enable: true, outboundAllowCidrs: ["127.0.0.0/8"] } }),
    });
    await host.systemctl("start", "opencode.target");
    await host.untilAll({ allowed: "starting", isolated: "starting", open: "starting" });
  });
  after(async () => {
    await host?.down();
  });
  const status = async (...more: string[]) =>
    (
      await host.machine.exec(["curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", ...more, URL], {
        check: false,
      })
    ).stdout;

  it("answers who has the token, and nobody else", async () => {
    assert.deepEqual(
      [
        await status("-H", `Authorization: Bearer ${TOKEN}`),
        await status("-H", "Authorization: Bearer x"),
        await status(),
      ],
      ["200", "401", "401"],
    );
  });

  it("no instance reaches it, isolated or not, not even with the token", async () => {
    for (const name of ["open", "isolated", "allowed"]) {
      const page = await host.waitFor(`${name}'s tries`, async (saw) => {
        const { stdout } = await host.cli("logs", name, "--json");
        const { lines } = Value.Parse(LogPage, JSON.parse(stdout));
        saw(lines.slice(-3));
        return lines.filter(({ message }) => message.startsWith("got ")).length >= 2 && lines;
      });
      const got = page.map(({ message }) => message).filter((message) => message.startsWith("got "));
      assert.deepEqual([...new Set(got)], ["got 000"], name);
    }
    assert.equal(await status("-H", `Authorization: Bearer ${TOKEN}`), "200", "it was there all the time");
  });

  it("a wrong address is trouble that is told, and the rest works on", async () => {
    await host.machine.writeFile(
      `/etc/systemd/system/${SUPERVISOR_UNIT}.d/listen.conf`,
      "[Service]\nEnvironment=OPENCODE_SUPERVISOR_LISTEN=0.0.0.0:9464\n",
    );
    await host.systemctl("daemon-reload");
    await host.systemctl("restart", SUPERVISOR_UNIT);
    const { stdout } = await host.cli("events");
    assert.match(
      stdout,
      /error {4}no TCP listener: OPENCODE_SUPERVISOR_LISTEN=0\.0\.0\.0:9464: write a loopback address/,
    );
    assert.equal(await status(), "000");
  });
});
