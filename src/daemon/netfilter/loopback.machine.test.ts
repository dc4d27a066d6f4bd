/** Who reaches whom on one host, and who is reached from beyond it, on a booted machine. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open } from "../../netpolicy/testing.ts";
import { BROADCAST, CALLER, CLOSER, ECHO, RENDEZVOUS } from "./fixtures.ts";
import { all, FROM_PEER, inSlice, policy, refusals, Scene, script } from "./testing.ts";

let scene: Scene;
before(async () => {
  scene = await Scene.up("loopback");
});
after(() => scene?.down());

test("an instance is reached where it listens, by whom it allows, and nowhere else", async () => {
  const host = { ...all("ok", "tcp 127.0.0.1 8002", "tcp 192.0.2.1 8002", "tcp 127.0.0.1 4000") };
  const not = all(
    "ECONNREFUSED",
    "tcp ::1 8002",
    "tcp 127.0.0.1 4002",
    "tcp ::1 4001",
    "udp 127.0.0.1 8002",
    "tcp 192.0.2.1 4000",
  );
  assert.deepEqual(await scene.probe(null, ...Object.keys({ ...host, ...not })), { ...host, ...not });
  assert.deepEqual(await scene.fromPeer(...Object.keys(FROM_PEER)), FROM_PEER);
});

test("an isolated instance reaches another's server only through allowLoopbackPorts, and only where that listens", async () => {
  const targets = [
    "tcp 127.0.0.1 8002",
    "tcp 127.0.0.1 4002",
    "tcp 127.0.0.1 4001",
    "udp 127.0.0.1 8002",
    "tcp 127.0.0.1 7000",
  ];
  const refused = all("ECONNREFUSED", "tcp 127.0.0.1 8002", "tcp 127.0.0.1 4002", "tcp 127.0.0.1 7000");
  const first = await scene.probe("a", ...targets);
  assert.deepEqual(
    { ...first, "udp 127.0.0.1 8002": "" },
    { ...refused, "tcp 127.0.0.1 4001": "ok", "udp 127.0.0.1 8002": "" },
  );
  assert.notEqual(first["udp 127.0.0.1 8002"], "ok");
  await scene.put(policy({ loopbackPorts: [4001, 4002, 7000, 8002] }));
  assert.deepEqual(await scene.probe("a", ...targets), {
    ...all("ok", "tcp 127.0.0.1 8002", "tcp 127.0.0.1 4001", "tcp 127.0.0.1 7000"),
    ...all("ECONNREFUSED", "tcp 127.0.0.1 4002", "udp 127.0.0.1 8002"),
  });
  await scene.put(policy());
});

test("so does one without isolation: siblings and the supervisor are not open to it, and what it tries is recorded", async () => {
  const counted = await scene.counter("blocked_open");
  const kept = ["tcp 127.0.0.1 8002", "tcp 192.0.2.1 8002", "tcp 127.0.0.1 4001", "tcp ::1 4002", "tcp 127.0.0.1 7000"];
  assert.deepEqual(await scene.probe("open", ...kept), refusals(...kept));
  assert.ok((await scene.counter("blocked_open")) >= counted + kept.length);
  assert.ok((await scene.recorded("blocked4_open")).includes("127.0.0.1 . 6 . 7000"));
  await scene.listen("open", 4003);
  assert.deepEqual(
    await scene.probe("open", "tcp ::1 4003", "udp 127.0.0.1 4003"),
    all("ok", "tcp ::1 4003", "udp 127.0.0.1 4003"),
  );
  assert.deepEqual(await scene.probe(null, "tcp 127.0.0.1 4003"), all("ECONNREFUSED", "tcp 127.0.0.1 4003"));
  await scene.put(open("open", { loopbackPorts: [4001, 7000, 8002] }));
  const granted = ["tcp 127.0.0.1 8002", "tcp 192.0.2.1 8002", "tcp 127.0.0.1 7000"];
  assert.deepEqual(await scene.probe("open", ...granted, "tcp 127.0.0.1 4001"), {
    ...all("ok", ...granted),
    "tcp 127.0.0.1 4001": "ECONNREFUSED",
  });
  await scene.put(open("open"));
});

test("what somebody else's connection left in TIME_WAIT opens no way to a listener", async () => {
  const call = async (from: string | null, own: number, port: number) => {
    const argv = ["perl", "-e", CALLER, "--", String(own), String(port)];
    return (await scene.machine.exec(from === null ? argv : inSlice(from, argv))).stdout.trim();
  };
  const listener = scene.program(inSlice("b", script(CLOSER, "8003")));
  assert.equal(await listener.line(), "listening");
  assert.deepEqual([await call(null, 33001, 8003), await listener.line()], ["hello", "secret"]);
  assert.equal(await call("open", 33001, 8003), "nothing");
  await scene.put(policy({ mode: "audit" }));
  assert.deepEqual([await call(null, 33002, 8003), await listener.line()], ["hello", "secret"]);
  assert.equal(await call("a", 33002, 8003), "nothing");
  await scene.put(policy());
  assert.deepEqual([await call(null, 33003, 8003), await listener.line()], ["hello", "secret"]); // and nothing before

  const own = scene.program(inSlice("open", script(CLOSER, "4004")));
  assert.equal(await own.line(), "listening");
  for (let time = 0; time < 2; time++)
    assert.deepEqual([await call("open", 33004, 4004), await own.line()], ["hello", "secret"]);
});

test("two that help each other find no way between them", async () => {
  const ends = [
    ["a", "5001", "5002"],
    ["b", "5002", "5001"],
  ].map(([name = "", ...ports]) => scene.program(inSlice(name, script(RENDEZVOUS, ...ports))));
  for (const end of ends) assert.match(await end.line(), /^heard nothing$/);
});

test("nor by an echo on loopback, which is answered to whoever has its identifier", async () => {
  await scene.machine.exec(["sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"]);
  const heard = async (from: string, by: string) => {
    const end = (name: string, what: string) => scene.program(inSlice(name, ["perl", "-e", ECHO, "--", what]));
    const sends = end(from, "127.0.0.1");
    assert.equal(await sends.line(), "bound");
    const hears = end(by, "hear"); // the last one gets the answer
    assert.equal(await hears.line(), "bound");
    sends.child.stdin.write("\n");
    return await hears.line();
  };
  const counted = await scene.counter("blocked_a");
  assert.equal(await heard("a", "b"), "heard nothing");
  assert.equal(await scene.counter("blocked_a"), counted + 1);
  assert.equal(await heard("open", "open"), "heard secret");
});

test("a broadcast that is allowed out does not come back to somebody else's socket", async () => {
  await scene.put(policy({ allow: { v4: ["192.0.2.0/24"], v6: [] } }));
  const listener = await scene.listen(null, 7777);
  for (const from of ["a", "open"])
    await scene.machine.exec(inSlice(from, script(BROADCAST, "192.0.2.255", "7777", from)));
  assert.equal(await listener.line(), "open");
  await scene.put(policy());
});
