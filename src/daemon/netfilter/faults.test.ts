/** Bad input and a kernel that lacks something: one clear error each, or a fallback that holds. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Nft, rules } from "nftables-napi";
import { inNamespaces } from "../../../packages/nftables-napi/testing.ts";
import { waitFor } from "../../../testbed/wait.ts";
import { normalise } from "../../netpolicy/cidr.ts";
import { cgroupOf, FAMILY, gateAt, namesOf, TABLE_NAME } from "../../netpolicy/names.ts";
import { policyHash } from "../../netpolicy/policy.ts";
import { isolated } from "../../netpolicy/testing.ts";
import { LibnftablesNetfilter } from "./libnftables.ts";

const gate = gateAt();
const path = `/sys/fs/cgroup/${cgroupOf(gate, "a")}`;

inNamespaces(import.meta.url, () => {
  let netfilter: LibnftablesNetfilter;
  before(async () => {
    mkdirSync(path, { recursive: true });
    netfilter = await LibnftablesNetfilter.open();
    await netfilter.adopt(gate);
  });
  after(() => netfilter.close());
  const put = (...cidrs: string[]) => {
    const policy = isolated("a", { allow: normalise(cidrs) });
    return netfilter.commit({ put: [policy], remove: [] }).then(() => policy);
  };

  const LISTS: readonly (readonly [what: string, cidrs: readonly string[]])[] = [
    ["duplicates and overlaps", ["10.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"]],
    ["everything, and parts of it", ["0.0.0.0/0", "10.0.0.0/8", "::/0", "fd00::/8"]],
    ["IPv4 in IPv6 form", ["::ffff:192.0.2.0/120"]],
    ["the last addresses there are", ["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]],
    ["10,000 entries", Array.from({ length: 10_000 }, (_, index) => `10.${index >> 8}.${index & 255}.1`)],
  ];
  for (const [what, cidrs] of LISTS) {
    test(`an allow list of ${what} is taken, and read back`, async () => {
      const policy = await put(...cidrs);
      const comments = rules(FAMILY, TABLE_NAME, namesOf("a").out).map(({ comment }) => comment);
      assert.ok(comments.some((comment) => comment?.includes(policyHash(policy))));
    });
  }

  test("50,000 refused at once are counted exactly, by destination and in all", async () => {
    await put();
    const sends = `import { createSocket } from "node:dgram";
      const socket = createSocket("udp4").on("error", () => {});
      for (let sent = 0; sent < 50_000; sent++) await new Promise((done) => socket.send("x", 9, "127.0.0.9", done));
      socket.close();`;
    const before = (await netfilter.refused()).get("a") ?? 0n;
    const enter = `echo 0 >"${path}/cgroup.procs" && exec "$@"`;
    spawnSync("sh", ["-c", enter, "-", process.execPath, "--input-type=module", "--eval", sends]);
    assert.equal(((await netfilter.refused()).get("a") ?? 0n) - before, 50_000n);
    const listed = (await netfilter.destinations("a")).find(({ address }) => address === "127.0.0.9");
    assert.equal(listed?.packets, 50_000n);
  });

  test("more destinations than the kernel remembers: all refused, all counted, a thousand known by name", async () => {
    await put();
    const sends = `import { createSocket } from "node:dgram";
      const socket = createSocket("udp4").on("error", () => {});
      for (let port = 1; port <= 3000; port++) await new Promise((done) => socket.send("x", port, "127.0.0.1", done));
      socket.close();`;
    const enter = `echo 0 >"${path}/cgroup.procs" && exec "$@"`;
    const before = (await netfilter.refused()).get("a") ?? 0n;
    spawnSync("sh", ["-c", enter, "-", process.execPath, "--input-type=module", "--eval", sends]);
    assert.equal(((await netfilter.refused()).get("a") ?? 0n) - before, 3000n);
    const known = (await netfilter.destinations("a")).filter(({ address }) => address === "127.0.0.1");
    assert.ok(known.length >= 1000 && known.length <= 1024, String(known.length));
    assert.ok(known.every(({ packets }) => packets === 1n));
  });

  test("more connections than it may have at once: the next is refused, in audit mode too; nobody else's, and not for ever", async () => {
    const sends = `import { createSocket } from "node:dgram";
      const socket = createSocket("udp4").bind(4444);
      const send = (port) => new Promise((done) => socket.send("x", port, "192.0.2.2", (error) => done(error?.code ?? "ok")));
      for (let port = Number(process.argv[1]); port <= Number(process.argv[2]); port++) console.log(await send(port));
      socket.close();`;
    const from = (cgroup: string, first: number, last: number) => {
      const enter = `echo 0 >"${cgroup}/cgroup.procs" && exec "$@"`;
      const argv = [process.execPath, "--input-type=module", "--eval", sends, "--", String(first), String(last)];
      return spawnSync("sh", ["-c", enter, "-", ...argv], { encoding: "utf8" })
        .stdout.trim()
        .split("\n");
    };
    const passed = [...Array<string>(16).fill("ok"), ...Array<string>(24).fill("EPERM")];

    const cable = ["link add near type veth peer name far", "link set far up", "link set near arp off up"];
    const input = [...cable, "address add 192.0.2.1/24 dev near", ""].join("\n");
    assert.equal(spawnSync("ip", ["-batch", "-"], { input }).status, 0);
    for (const [mode, first] of [["enforce", 1] as const, ["audit", 101] as const]) {
      const policy = isolated("a", { mode, allow: normalise(["192.0.2.0/24"]), connectionsMax: 16 });
      await netfilter.commit({ put: [policy], remove: [] });
      const before = (await netfilter.refused()).get("a") ?? 0n;
      assert.deepEqual(from(path, first, first + 39), passed, mode);
      assert.equal(((await netfilter.refused()).get("a") ?? 0n) - before, 24n, mode);
      assert.deepEqual(from("/sys/fs/cgroup", 201, 240), Array<string>(40).fill("ok"), "who is in no instance");
      assert.deepEqual(from(path, first, first + 39), passed, "the same connections go on");
    }
    writeFileSync("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "1");
    assert.deepEqual(from(path, 101, 116), passed.slice(0, 16));
    await waitFor("room for another", () => from(path, 150, 150)[0] === "ok");
  });

  const answering = (error: string) => async () => {
    const context = { run: () => ({ rc: -1, output: "", error }), close: () => {} };
    const crippled = await LibnftablesNetfilter.open(() => context);
    await crippled.adopt(gate);
  };
  const LACKS: readonly (readonly [what: string, said: string, code: string])[] = [
    ["no `socket` expression", "Error: Could not process rule: No such file or directory\nadd rule …", "unsupported"],
    ["no nf_tables", "Error: cache initialization failed: Invalid argument", "unsupported"],
    ["an nft that does not know `socket cgroupv2`", "Error: syntax error, unexpected string\nadd …", "unsupported"],
    ["no permission", "Error: Could not process rule: Operation not permitted", "not-permitted"],
  ];
  for (const [what, said, code] of LACKS) {
    test(`with ${what}, taking the table over is refused, and says what to do`, async () => {
      await assert.rejects(answering(said), (error) => {
        assert.ok(error instanceof Error && "code" in error && "problem" in error);
        assert.deepEqual([error.code, error.message.includes("nft said")], [code, true]);
        return true;
      });
    });
  }

  test("a process that may not is refused", () => {
    const main = `import { LibnftablesNetfilter } from "${import.meta.dirname}/libnftables.ts";
      import { gateAt } from "${import.meta.dirname}/../../netpolicy/names.ts";
      const netfilter = await LibnftablesNetfilter.open();
      await netfilter.adopt(gateAt()).catch((error) => console.log(error.code));`;
    const argv = [
      "--reuid=65534",
      "--clear-groups",
      "--bounding-set=-all",
      process.execPath,
      "--input-type=module",
      "--eval",
      main,
    ];
    const { stdout } = spawnSync("setpriv", argv, { encoding: "utf8" });
    assert.equal(stdout.trim(), "not-permitted");
  });

  test("an nft that cannot own a table makes a plain one, which is said to be weaker", async () => {
    const nft = new Nft();
    const without = {
      run: (text: string) =>
        text.includes("persist") ? { rc: -1, output: "", error: "Error: syntax error" } : nft.run(text),
      close: () => nft.close(),
    };
    await netfilter.destroy();
    const plain = await LibnftablesNetfilter.open(() => without);
    assert.equal(plain.features.persist, false);
    await plain.adopt(gate);
    const policy = isolated("a");
    await plain.commit({ put: [policy], remove: [] });
    await plain.destroy();
    plain.close();
    await netfilter.adopt(gate);
  });
});
