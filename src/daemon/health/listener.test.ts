import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { parseListeners, taken } from "./listener.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2253 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 100 0 0 10 0
`;

test("listening sockets are read off the kernel's table, connections are not listeners", () => {
  assert.deepEqual(parseListeners(TABLE), [{ address: "127.0.0.1", port: 8787, inode: "4242" }]);
  assert.deepEqual(parseListeners(""), []);
});

test("IPv6 addresses come word by word in host byte order", () => {
  const row = TABLE.replaceAll("0100007F:2253 00000000", "00000000000000000000000001000000:2253 00000000");
  assert.equal(parseListeners(row)[0]?.address, "::1");
});

test("a real listener of this process is found in the real table", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const found = parseListeners(readFileSync("/proc/self/net/tcp", "utf8")).filter(({ port }) => port === address.port);
  assert.deepEqual(
    found.map((socket) => socket.address),
    ["127.0.0.1"],
  );
  server.close();
});

test("a port that is taken is said to be held, by whom; a free one is not", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const held = new RegExp(`^port ${address.port} is held by \\S+ \\(pid ${process.pid}\\b`);
  for (const wanted of ["127.0.0.1", "0.0.0.0", "::"]) assert.match((await taken(wanted, address.port)) ?? "", held);
  await new Promise((resolve) => server.close(resolve));
  for (const wanted of ["127.0.0.1", "0.0.0.0", "::"]) assert.equal(await taken(wanted, address.port), null);
});
