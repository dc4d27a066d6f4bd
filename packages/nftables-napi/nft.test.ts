import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readlinkSync, rmdirSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import {
  type Change,
  counters,
  elements,
  generation,
  listeners,
  Nft,
  rules,
  tableInfo,
  watchLog,
  watchTable,
} from "nftables-napi";
import { waitFor } from "../../testbed/wait.ts";
import { inNamespaces } from "./testing.ts";

inNamespaces(import.meta.url, () => {
  const nft = new Nft();
  const run = (commands: string): string => {
    const { rc, output, error } = nft.run(commands);
    assert.deepEqual([rc, error], [0, ""], commands);
    return output;
  };

  test("a transaction happens as a whole or not at all, and says what was wrong", () => {
    run("add table inet t\nadd chain inet t c");
    const { rc, output, error } = nft.run("add rule inet t c accept\nadd rule inet t nowhere accept");
    assert.equal(rc, -1);
    assert.equal(output, "");
    assert.match(error, /^Error: .*No such file or directory/);
    assert.deepEqual(rules("inet", "t"), []);
    assert.match(run("list table inet t"), /^table inet t \{\n\tchain c \{\n\t\}\n\}\n$/);
  });

  test("an error leaves the context usable, and nothing of it in the next result", () => {
    assert.notEqual(nft.run("this is no nft command").rc, 0);
    assert.deepEqual(nft.run("add table inet t"), { rc: 0, output: "", error: "" });
    assert.deepEqual(nft.run(""), { rc: 0, output: "", error: "" });
  });

  test("signals do not make failures of what was done", async () => {
    let heard = 0;
    const hear = () => heard++;
    process.on("SIGWINCH", hear);
    const child = spawn("sh", ["-c", 'while kill -WINCH "$0"; do :; done', String(process.pid)]);
    try {
      await waitFor("the first signal", () => heard > 0);
      for (let times = 0; times < 100; times++) {
        assert.deepEqual(nft.run("add table inet s; delete table inet s"), { rc: 0, output: "", error: "" });
      }
    } finally {
      child.kill();
      process.off("SIGWINCH", hear);
    }
  });

  test("a JSON context lists JSON", () => {
    const json = new Nft({ json: true });
    const listing: unknown = JSON.parse(json.run("list table inet t").output);
    assert.ok(typeof listing === "object" && listing !== null && "nftables" in listing);
    json.close();
  });

  test("what would be cut short, or hold the process up, is refused", () => {
    assert.throws(() => nft.run("add table inet u\0; add table inet v"), /NUL byte/);
    assert.throws(() => nft.run(" ".repeat(16 * 1024 * 1024 + 1)), /at most 16777216/);
    assert.throws(() => Reflect.apply(nft.run, nft, [7]), TypeError);
    assert.equal(tableInfo("inet", "u"), null);
  });

  test("a closed context says so, as often as it is asked", () => {
    const closed = new Nft();
    closed.close();
    for (const use of [() => closed.run("list tables"), () => closed.close()]) {
      assert.throws(use, { code: "ERR_CLOSED" });
    }
  });

  test("flags and owner of a table", () => {
    assert.deepEqual(tableInfo("inet", "t"), { flags: 0, owner: null });
    assert.equal(tableInfo("ip", "t"), null);
    const owner = new Nft();
    assert.equal(owner.run("add table inet mine { flags owner; }").rc, 0);
    const info = tableInfo("inet", "mine");
    assert.equal(info?.flags, 2);
    assert.ok((info?.owner ?? 0) > 0);
    assert.match(nft.run("delete table inet mine").error, /Operation not permitted/);
    owner.close();
    assert.equal(tableInfo("inet", "mine"), null);
  });

  test("rules with their comments, of a table and of one chain, in order", () => {
    run(
      'add table inet r\nadd chain inet r a\nadd chain inet r b\nadd rule inet r a accept comment "1st é"\nadd rule inet r a drop\nadd rule inet r b drop comment "b"',
    );
    const a = [
      { chain: "a", comment: "1st é" },
      { chain: "a", comment: null },
    ];
    assert.deepEqual(rules("inet", "r", "a"), a);
    assert.deepEqual(rules("inet", "r"), [...a, { chain: "b", comment: "b" }]);
    assert.deepEqual(rules("inet", "r", "nowhere"), []);
    assert.throws(() => rules("inet", "r\0"), RangeError);
  });

  test("elements of a map keyed by cgroup: its ids, and where they lead, also when the cgroup is gone", () => {
    mkdirSync("/sys/fs/cgroup/x.slice");
    run(
      'add map inet t m { type cgroupsv2 : verdict; }\nadd element inet t m { "x.slice" : jump c }\nadd set inet t s { type mark; elements = { 7 }; }',
    );
    const id = statSync("/sys/fs/cgroup/x.slice", { bigint: true }).ino;
    rmdirSync("/sys/fs/cgroup/x.slice");
    const [found, ...others] = elements("inet", "t", "m");
    assert.deepEqual(others, []);
    assert.equal(found?.key.readBigUInt64LE(), id);
    assert.equal(found?.chain, "c");
    assert.deepEqual(elements("inet", "t", "s"), [
      { key: Buffer.from([7, 0, 0, 0]), chain: null, packets: null, expiresIn: null },
    ]);
    assert.throws(() => elements("inet", "t", "nowhere"), { code: "ENOENT" });
  });

  test("a dump of many datagrams is read to its end", () => {
    const marks = Array.from({ length: 5000 }, (_, index) => index);
    run(`add set inet t many { type mark; size 5000; elements = { ${marks.join(", ")} }; }`);
    const found = elements("inet", "t", "many").map(({ key }) => key.readUInt32LE());
    assert.equal(found.sort((a, b) => a - b).join(), marks.join());
  });

  test("the generation changes with the ruleset, and only then", () => {
    const before = generation();
    run("list ruleset");
    assert.equal(generation(), before);
    run("add table inet another");
    assert.notEqual(generation(), before);
  });

  const send = (count: number) =>
    spawnSync("bash", ["-c", `for i in {1..${count}}; do echo >/dev/udp/127.0.0.1/9; done`], { stdio: "ignore" });

  test("what named counters and elements have counted, and when an element goes", () => {
    run("add table inet k\nadd chain inet k out { type filter hook output priority 0; }\nadd counter inet k n");
    run("add set inet k s { type inet_service; size 9; flags dynamic,timeout; timeout 1h; counter; }");
    run("add rule inet k out udp dport 9 update @s { udp dport }\nadd rule inet k out udp dport 9 counter name n");
    send(3);
    assert.deepEqual(counters("inet", "k"), new Map([["n", 3n]]));
    const [only, ...others] = elements("inet", "k", "s");
    assert.deepEqual([only?.key.readUInt16BE(), only?.packets, others], [9, 3n, []]);
    assert.ok(
      only !== undefined && only.expiresIn !== null && only.expiresIn > 3_000_000 && only.expiresIn <= 3_600_000,
    );
    assert.deepEqual(counters("inet", "nowhere"), new Map());
  });

  test("whoever touches a watched table is told of, and nobody else", async () => {
    const heard: (Change | null)[] = [];
    const watch = watchTable("inet", "t", (change) => heard.push(change));
    run("add table inet other\nadd chain inet other t");
    run("add chain inet t d");
    spawnSync("nft", ["flush chain inet t d; add rule inet t d accept"]);
    spawnSync("nft", ["delete table inet other; delete chain inet t d"]);
    await waitFor("three changes", () => heard.length === 3);
    assert.deepEqual(heard.map((change) => change?.program).slice(1), ["nft", "nft"]);
    assert.notEqual(heard[0]?.port, heard[1]?.port);
    watch.close();
    watch.close();
    run("add chain inet t e");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(heard.length, 3);
  });

  test("a flushed ruleset is a change of every table", async () => {
    const heard: (Change | null)[] = [];
    const watch = watchTable("inet", "f", (change) => heard.push(change));
    run("add table inet f");
    spawnSync("nft", ["flush ruleset"]);
    await waitFor("two changes", () => heard.length === 2);
    assert.equal(heard[1]?.program, "nft");
    watch.close();
  });

  test("packets that a rule logs to a group are told of by their prefix, at once", async () => {
    const heard: string[] = [];
    const watch = watchLog(20319, (prefixes) => heard.push(...prefixes));
    run("add table inet l\nadd chain inet l out { type filter hook output priority 0; }");
    run('add rule inet l out udp dport 9 log prefix "one" group 20319');
    send(2);
    await waitFor("the prefix", () => heard.length > 0);
    assert.deepEqual([...new Set(heard)], ["one"]);
    assert.throws(() => watchLog(20319, () => {}), { code: "ENETLINK" });
    watch.close();
    watchLog(20318, () => {}).close();
  });

  /** What the descriptors of this process lead to. */
  const open = (): string[] =>
    readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return []; // the one that the directory was read by
      }
    });

  for (const [host, address] of [
    ["127.0.0.1", [127, 0, 0, 1]],
    ["0.0.0.0", [0, 0, 0, 0]],
    ["::1", [...Array(15).fill(0), 1]],
    ["::", Array(16).fill(0)],
  ] as const) {
    test(`who listens on ${host} is listed until it is closed, who is connected is not`, async () => {
      const before = open();
      const server = createServer().listen(7301, host);
      await once(server, "listening");
      const [own, ...others] = open().filter((link) => link.startsWith("socket:") && !before.includes(link));
      assert.deepEqual(others, []);
      const client = connect(7301, host.includes(":") ? "::1" : "127.0.0.1");
      const [[peer]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
      const listed = () => listeners().map(({ address, port, inode }) => [[...address], port, `socket:[${inode}]`]);
      assert.deepEqual(listed(), [[[...address], 7301, own]]);
      client.destroy();
      peer.destroy();
      server.close();
      await once(server, "close");
      assert.deepEqual(listed(), []);
    });
  }

  test("as many as listen are listed, over many datagrams", async () => {
    const servers = Array.from({ length: 1000 }, (_, index) => createServer().listen(8000 + index, "127.0.0.1"));
    await Promise.all(servers.map((server) => once(server, "listening")));
    const ports = listeners().map(({ port }) => port);
    assert.equal(ports.sort((a, b) => a - b).join(), servers.map((_, index) => 8000 + index).join());
    assert.deepEqual(
      listeners(8500).map(({ port }) => port),
      [8500],
    );
    assert.deepEqual(listeners(9500), []);
    for (const server of servers) server.close();
  });

  test("where a netlink socket cannot be had it says why", () => {
    const program = `
      import { openSync } from "node:fs";
      import { listeners } from "${import.meta.resolve("nftables-napi")}";
      try { for (;;) openSync("/dev/null"); } catch {}
      try { listeners(); } catch ({ code, message }) { process._rawDebug(code, message); }`;
    const argv = ["-c", 'ulimit -n 64; exec "$@"', "-", process.execPath, "--input-type=module", "-e", program];
    assert.equal(
      spawnSync("sh", argv, { encoding: "utf8" }).stderr,
      "EMFILE listening sockets (tcp_diag): too many open files\n",
    );
  });
});
