import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { type ListenerInfo, listeners } from "nftables-napi";
import { listing, parseListeners } from "./listening.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2253 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 100 0 0 10 0
`;

test("listening sockets are read off the kernel's table, connections are not listeners", () => {
  assert.deepEqual(parseListeners(TABLE), [{ address: Buffer.from([127, 0, 0, 1]), port: 8787, inode: 4242 }]);
  assert.deepEqual(parseListeners(""), []);
});

test("IPv6 addresses come word by word in host byte order", () => {
  const row = TABLE.replaceAll("0100007F:2253 00000000", "00000000000000000000000001000000:2253 00000000");
  assert.deepEqual(parseListeners(row)[0]?.address, Buffer.from([...Array(15).fill(0), 1]));
});

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code });
};

const plain = ({ address, port, inode }: ListenerInfo) => [address.toString("hex"), port, inode];

test("a kernel that cannot say who listens is asked once, and its table says the same", async () => {
  const servers = ["127.0.0.1", "::1", "::"].map((host) => createServer().listen(0, host));
  await Promise.all(servers.map((server) => once(server, "listening")));
  let asked = 0;
  const list = listing(() => {
    asked++;
    return failing("ENOENT")();
  });
  for (const server of servers) {
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const [byDiag, byTable] = [await listing(listeners)(port), await list(port)];
    assert.equal(byTable.length, 1);
    assert.deepEqual(byTable.map(plain), byDiag.map(plain));
  }
  assert.equal(asked, 1);
  for (const server of servers) server.close();
});

test("when there are too many to list, each port is asked for by itself, by all who asked for the list too", async () => {
  const asked: (number | undefined)[] = [];
  const here = { address: Buffer.from([127, 0, 0, 1]), port: 7, inode: 9 };
  const list = listing((port) => {
    asked.push(port);
    return port === undefined ? failing("ENOMEM")() : [here];
  });
  assert.deepEqual(await Promise.all([list(7), list(7)]), [[here], [here]]);
  await list(8);
  assert.deepEqual(asked, [undefined, 7, 7, 8]);
});

test("too many at one port are an error", async () => {
  await assert.rejects(listing(failing("ENOMEM"))(7), { code: "ENOMEM" });
});

test("any other refusal is an error", async () => {
  await assert.rejects(listing(failing("EPERM"))(1), { code: "EPERM" });
});
