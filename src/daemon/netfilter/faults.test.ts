/** Bad input and a kernel that lacks something: one clear error each, or a fallback that holds. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { Nft, rules } from "nftables-napi";
import { inNamespaces } from "../../../packages/nftables-napi/testing.ts";
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
    const known = await netfilter.destinations("a");
    assert.ok(known.length >= 1000 && known.length <= 1024, String(known.length));
    assert.ok(known.every(({ packets }) => packets === 1n));
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
