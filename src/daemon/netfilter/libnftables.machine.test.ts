/** Whose the table is, on a booted machine whose libnftables can own one. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { INSIDE_ENVIRONMENT } from "../../../packages/nftables-napi/testing.ts";
import { INSTALLED } from "../../../testbed/host.ts";
import { TABLE } from "../../netpolicy/names.ts";
import { policyHash } from "../../netpolicy/policy.ts";
import { open } from "../../netpolicy/testing.ts";
import { all, b, gate, NODE, policy, refusals, Scene } from "./testing.ts";

let scene: Scene;
before(async () => {
  scene = await Scene.up("libnftables");
});
after(() => scene?.down());

test("nobody else can delete, flush or change the table, and `flush ruleset` passes it by", async () => {
  for (const command of [`delete table ${TABLE}`, `flush table ${TABLE}`, `insert rule ${TABLE} output accept`]) {
    const { stderr } = await scene.machine.exec(["nft", command], { check: false });
    assert.match(stderr, /Operation not permitted/, command);
  }
  await scene.machine.exec(["nft", "flush", "ruleset"]);
  assert.deepEqual(await scene.inForce(policy(), b()), [
    ["a", true],
    ["b", true],
  ]);
});

/** What a firewall does when it is reloaded: all of its own in one transaction, as firewalld (which is not in the machine) and NixOS' nftables.service do. */
const RELOAD = `
table inet firewalld
delete table inet firewalld
table inet firewalld {
  chain pre { type filter hook prerouting priority -140; fib saddr . mark oif exists accept; drop; }
  chain in { type filter hook input priority filter + 10; ct state established,related accept; iif lo accept; reject; }
  chain out { type filter hook output priority filter + 10; ct state established,related accept; oif lo accept; accept; }
}
`;

test("the table stays when nftables.service is restarted, or another firewall loads its rules anew", async () => {
  const tries = ["tcp 192.0.2.3 80", "tcp 192.0.2.2 80", "tcp 127.0.0.1 5432"];
  const holds = async () => {
    assert.deepEqual(await scene.inForce(policy()), [["a", true]]);
    assert.deepEqual(await scene.probe("a", ...tries), {
      ...refusals("tcp 192.0.2.3 80", "tcp 127.0.0.1 5432"),
      "tcp 192.0.2.2 80": "ok",
    });
  };
  await scene.machine.exec(["systemctl", "restart", "nftables"]);
  await holds();
  for (let reload = 0; reload < 3; reload++) await scene.machine.exec(["nft", "-f", "-"], { input: RELOAD });
  await holds();
  await scene.machine.exec(["nft", "delete", "table", "inet", "firewalld"]);
});

test("killed, its rules hold; the next one takes over in place, with counters", async () => {
  await scene.probe("a", "tcp 192.0.2.3 80");
  const counted = await scene.counter("blocked_a");
  assert.ok(counted > 0);
  await scene.killDriver();
  assert.deepEqual(await scene.probe("a", "tcp 192.0.2.3 80", "tcp 192.0.2.2 80"), {
    "tcp 192.0.2.3 80": "EHOSTUNREACH",
    "tcp 192.0.2.2 80": "ok",
  });
  await scene.startDriver();
  const adopted = [policy(), b(), open("open")].map((each) => [each.name, policyHash(each)]);
  const answer = await scene.ask("adopt", gate);
  assert.ok(Array.isArray(answer));
  assert.deepEqual(answer.sort(), adopted.sort());
  assert.ok((await scene.counter("blocked_a")) > counted);
  assert.notEqual(
    (await scene.machine.exec(["nft", "delete", "table", ...TABLE.split(" ")], { check: false })).code,
    0,
  );
  assert.deepEqual(await scene.inForce(policy()), [["a", true]]);
});

test("what somebody added to the shared rules while the table had no owner goes when the next one takes over", async () => {
  await scene.killDriver();
  await scene.machine.exec(["nft", `insert rule ${TABLE} output accept`]);
  assert.deepEqual(await scene.probe("a", "tcp 192.0.2.3 80"), all("ok", "tcp 192.0.2.3 80"));
  await scene.startDriver();
  await scene.ask("adopt", gate);
  assert.deepEqual(await scene.probe("a", "tcp 192.0.2.3 80"), refusals("tcp 192.0.2.3 80"));
});

test("destroyed, the table is gone and everybody reaches everything", async () => {
  assert.equal(await scene.ask("destroy"), null);
  assert.doesNotMatch((await scene.machine.exec(["nft", "list", "tables"])).stdout, /opencode/);
  assert.deepEqual(await scene.probe("a", "tcp 192.0.2.3 80"), all("ok", "tcp 192.0.2.3 80"));
});

test("the contract holds with this machine's libnftables and its owned table", async () => {
  const files = [
    "src/daemon/netfilter/libnftables.test.ts",
    "src/netpolicy/kernel.test.ts",
    "packages/nftables-napi/nft.test.ts",
  ];
  for (const file of files) {
    const enter =
      'umount --lazy /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && exec "$@"';
    const inner = [
      "unshare",
      "--net",
      "--mount",
      "--cgroup",
      "--",
      "sh",
      "-c",
      enter,
      "-",
      NODE,
      `${INSTALLED}/${file}`,
    ];
    const own = `mkdir -p /sys/fs/cgroup/contract && echo 0 >/sys/fs/cgroup/contract/cgroup.procs && exec "$@"`;
    const { stdout } = await scene.machine.exec(["sh", "-c", own, "-", ...inner], { env: INSIDE_ENVIRONMENT });
    assert.match(stdout, /^(# |ℹ )pass [1-9]/m, file);
  }
});
