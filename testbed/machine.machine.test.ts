import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { INSTALLED, RECORDS } from "./host.ts";
import { Machine } from "./machine.ts";
import { connect } from "./network.ts";
import { Peer } from "./peer.ts";
import { listRecords, readRecord } from "./records.ts";
import { run } from "./run.ts";
import { waitFor } from "./wait.ts";

describe("two machines, up at once", () => {
  let a: Machine;
  let b: Machine;
  before(async () => {
    const suite = "trixie";
    [a, b] = await Promise.all([Machine.up({ name: "test-a", suite }), Machine.up({ name: "test-b", suite })]);
  });
  after(async () => {
    await Promise.all([a.down(), b.down()]);
  });

  it("boot a whole systemd each: nothing failed, PID 1 is systemd 257", async () => {
    for (const machine of [a, b]) {
      const failed = await machine.exec(["systemctl", "--failed", "--no-legend", "--plain"]);
      assert.equal(failed.stdout, "");
      assert.equal((await machine.readFile("/proc/1/comm")).trim(), "systemd");
      assert.match((await machine.exec(["systemctl", "--version"])).stdout, /^systemd 257 /);
    }
  });

  it("have the working tree, read-only, and with it Node 24 and opencode below /usr", async () => {
    const manifest: unknown = JSON.parse(await a.readFile(`${INSTALLED}/package.json`));
    assert.deepEqual(manifest, JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")));
    const write = await a.exec(["touch", `${INSTALLED}/x`], { check: false });
    assert.match(write.stderr, /Read-only file system/);
    assert.match((await a.exec(["node", "--version"])).stdout, /^v24\./);
    assert.match((await a.sh("readlink -f $(command -v opencode)")).stdout, /^\/usr\/lib\/opencode-supervisor\//);
    assert.equal((await a.exec(["test", "-x", "/usr/bin/opencode"])).code, 0);
  });

  it("have separate cgroup trees, processes and file systems", async () => {
    await a.exec(["systemd-run", "--unit=only-in-a", "--slice=tree-a.slice", "sleep", "infinity"]);
    await a.waitForUnit("only-in-a.service");
    assert.ok(existsSync(`${a.cgroup}/tree.slice/tree-a.slice/only-in-a.service`));
    assert.equal((await b.exec(["find", "/sys/fs/cgroup", "-name", "*only-in-a*"])).stdout, "");
    assert.equal((await b.exec(["pgrep", "-x", "sleep"], { check: false })).code, 1);
    await a.writeFile("/srv/deep/file", "in a", 0o600);
    assert.equal(await a.readFile("/srv/deep/file"), "in a");
    assert.equal((await a.exec(["stat", "-c", "%a", "/srv/deep/file"])).stdout.trim(), "600");
    assert.equal((await b.exec(["test", "-e", "/srv/deep/file"], { check: false })).code, 1);
  });

  it("keep a journal that can be read by unit, by pattern and from a point on", async () => {
    await a.sh("systemd-run --wait --unit=talker echo first words");
    const cursor = await a.journalCursor();
    await a.sh("systemd-run --wait --unit=talker echo second words");
    const messages = async (query: object) =>
      (await a.journal({ unit: "talker.service", ...query })).map((e) => e.MESSAGE);
    assert.deepEqual(await messages({ grep: "words$" }), ["first words", "second words"]);
    assert.deepEqual(await messages({ grep: "words$", afterCursor: cursor }), ["second words"]);
    assert.deepEqual(await b.journal({ unit: "talker.service" }), []);
  });

  it("take nft rules, each its own, and log what they drop to the journal", async () => {
    const prefix = `testbed-${process.pid}: `;
    await a.exec(["nft", "-f", "-"], {
      input: `table inet t { chain out { type filter hook output priority 0; udp dport 9 log prefix "${prefix}" drop; }; }\n`,
    });
    assert.match((await a.exec(["nft", "list", "tables"])).stdout, /table inet t/);
    assert.equal((await b.exec(["nft", "list", "tables"])).stdout, "");
    await a.sh("echo x >/dev/udp/127.0.0.1/9", { check: false });
    const logged = await a.waitFor("nft's log line in the journal", async () => {
      return (await a.journal({ matches: ["_TRANSPORT=kernel"], grep: prefix })).at(0);
    });
    assert.match(logged.MESSAGE, /DST=127\.0\.0\.1 .*DPT=9/);
  });

  it("say what failed, with what it printed", async () => {
    await assert.rejects(a.sh("echo out; echo err >&2; exit 7"), /test-a-.*exit status 7\nout\n\nerr/s);
    await assert.rejects(a.exec(["sleep", "1234567"], { timeoutMs: 200 }), /still running after 200 ms/);
    assert.equal((await a.exec(["pgrep", "-fx", "sleep 1234567"], { check: false })).stdout, "");
  });
});

describe("machines and peers joined by cables", () => {
  it("reach each other over v4 and v6, and nobody else; a peer records what arrives", async () => {
    await using machine = await Machine.up({ name: "test-net" });
    await using other = await Machine.up({ name: "test-other" });
    await using near = await Peer.up("near");
    await using far = await Peer.up("far");
    await connect(machine, near, {
      addresses: [
        ["192.0.2.1/24", "2001:db8:1::1/64"],
        ["192.0.2.2/24", "2001:db8:1::2/64"],
      ],
    });
    await connect(machine, other, { addresses: [["198.51.100.1/24"], ["198.51.100.2/24"]] });
    await Promise.all([
      near.listen({ protocol: "tcp", port: 7000 }),
      near.listen({ protocol: "udp", port: 7001 }),
      far.listen({ protocol: "tcp", port: 7000 }),
    ]);
    await assert.rejects(near.listen({ protocol: "tcp", port: 7000 }), /near-.*EADDRINUSE/);

    assert.equal((await machine.sh("echo four | nc -N -w 5 192.0.2.2 7000")).stdout, "hello\nfour\n");
    assert.equal((await machine.sh("echo six | nc -N -w 5 2001:db8:1::2 7000")).stdout, "hello\nsix\n");
    await machine.sh("echo datagram >/dev/udp/192.0.2.2/7001");
    await waitFor("three arrivals", (saw) => {
      saw(near.received);
      return near.received.length === 3;
    });
    const arrived = near.received.map(({ protocol, port, from, data }) => [protocol, port, from.address, data]);
    assert.deepEqual(arrived, [
      ["tcp", 7000, "::ffff:192.0.2.1", "four\n"],
      ["tcp", 7000, "2001:db8:1::1", "six\n"],
      ["udp", 7001, "::ffff:192.0.2.1", "datagram\n"],
    ]);
    await machine.exec(["systemd-run", "--unit=server", "--", "socat", "TCP-LISTEN:80,fork", "SYSTEM:hostname"]);
    await machine.waitFor("server", async () => (await machine.exec(["ss", "-Hlt", "sport = :80"])).stdout !== "");
    assert.match((await other.sh("nc -d -w 5 198.51.100.1 80")).stdout, /^test-net-/);
    assert.notEqual((await other.sh("nc -z -w 5 192.0.2.2 7000", { check: false })).code, 0);
    assert.deepEqual(far.received, []);
  });
});

describe("the end of a machine", () => {
  const isGone = async (name: string, cgroup: string): Promise<boolean> => {
    const names = (await listRecords()).map((record) => record.name);
    return !existsSync(cgroup) && !names.includes(name);
  };

  it("leaves no cgroup, no record and no process", async () => {
    const machine = await Machine.up({ name: "test-end" });
    await machine.exec(["systemd-run", "sleep", "infinity"]);
    await machine.down();
    assert.ok(!existsSync(machine.cgroup));
    assert.ok(!existsSync(join(RECORDS, machine.name)));
    assert.ok(!existsSync(`/proc/${machine.pid}`));
    await machine.down(); // again: nothing to do
  });

  /** Another process that makes a machine and then only waits. */
  async function ownedElsewhere() {
    const script = `
      const { Machine } = await import(${JSON.stringify(join(import.meta.dirname, "machine.ts"))});
      console.log((await Machine.up({ name: "test-orphan" })).name);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [name]: string[] = await once(createInterface(owner.stdout), "line");
    const record = readRecord(name ?? "");
    assert.ok(record?.pid);
    const { stdout } = await run(["readlink", `/proc/${record.pid}/ns/net`]);
    return { owner, record, network: stdout.trim() };
  }
  const namespaces = async (): Promise<string> => (await run(["lsns", "-n", "-t", "net", "-o", "NS"])).stdout;

  it("comes with the end of its owner, by SIGKILL too", async () => {
    const { owner, record, network } = await ownedElsewhere();
    assert.equal(record.owner, owner.pid);
    const inode = /\d+/.exec(network)?.[0] ?? "";
    assert.ok((await namespaces()).includes(inode));
    owner.kill("SIGKILL");
    await waitFor("end of the orphan", () => isGone(record.name, record.cgroup));
    assert.ok(!(await namespaces()).includes(inode));
  });

  it("comes at the next sweep when its guard was killed as well, and with it every process", async () => {
    const { owner, record } = await ownedElsewhere();
    process.kill(record.guard, "SIGKILL");
    owner.kill("SIGKILL");
    await waitFor("end of the machine's systemd", () => !existsSync(`/proc/${record.pid}`));
    await using next = await Machine.up({ name: "test-next" });
    assert.ok(await isGone(record.name, record.cgroup));
    assert.ok(existsSync(next.cgroup));
  });
});

describe("npm run machine", () => {
  it("makes a machine that outlives it, lists it, runs programs in it, and ends it", async () => {
    const name = `by-hand-${process.pid}`;
    const cli = (args: readonly string[], check = true) =>
      run([process.execPath, join(import.meta.dirname, "cli.ts"), ...args], { check });
    await cli(["up", name]);
    try {
      assert.match((await cli(["list"])).stdout, new RegExp(`^${name}\t-\t\\d+\t`, "m"));
      assert.equal((await cli(["exec", name, "hostname"])).stdout.trim(), name);
      assert.equal((await cli(["exec", name, "sh", "-c", "exit 3"], false)).code, 3);
      assert.match((await cli(["up", name], false)).stderr, /exists already/);
    } finally {
      await cli(["down", name]);
    }
    assert.doesNotMatch((await cli(["list"])).stdout, new RegExp(name));
    const missing = await cli(["exec", name, "true"], false);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, new RegExp(`no machine ${name}`));
  });
});
