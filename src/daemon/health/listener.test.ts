import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { heldBy, holderOf, socketsAt, taken } from "./listener.ts";
import { ownCgroup } from "./testing.ts";

/** A listener of this process, and its port. */
async function listening(host: string) {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const close = () => new Promise((resolve) => server.close(resolve));
  return { port: address.port, close };
}

for (const [bound, takes, refuses] of [
  ["127.0.0.1", ["127.0.0.1", "0.0.0.0", "::"], ["127.0.0.2", "::1"]],
  ["::1", ["::1", "0:0::1", "::"], ["127.0.0.1", "::2"]],
  ["0.0.0.0", ["127.0.0.1", "127.0.0.2", "0.0.0.0"], []],
  ["::", ["::1", "127.0.0.1"], []],
] as const) {
  test(`who listens on ${bound} is found at each address that it takes connections for`, async () => {
    const { port, close } = await listening(bound);
    for (const address of takes) assert.equal((await socketsAt(address, port)).length, 1, address);
    for (const address of refuses) assert.deepEqual(await socketsAt(address, port), [], address);
    await close();
    for (const address of takes) assert.deepEqual(await socketsAt(address, port), [], address);
  });
}

test("a socket is its holder's, and nobody else's", async () => {
  const { port, close } = await listening("127.0.0.1");
  const sockets = await socketsAt("127.0.0.1", port);
  assert.equal((await heldBy(sockets, ownCgroup()))?.link, sockets[0]);
  assert.equal(await heldBy([...sockets, "socket:[0]"], ownCgroup()), null);
  assert.equal(await heldBy(sockets, "/nowhere"), null);
  assert.equal(await heldBy([], ownCgroup()), null);
  assert.equal((await holderOf(sockets))?.pid, process.pid);
  assert.equal(await holderOf([]), null);
  await close();
});

test("a port that is taken is said to be held, by whom; a free one is not", async () => {
  const { port, close } = await listening("127.0.0.1");
  const held = new RegExp(`^port ${port} is held by \\S+ \\(pid ${process.pid}\\b`);
  for (const wanted of ["127.0.0.1", "0.0.0.0", "::"]) assert.match((await taken(wanted, port)) ?? "", held);
  await close();
  for (const wanted of ["127.0.0.1", "0.0.0.0", "::"]) assert.equal(await taken(wanted, port), null);
});
