import assert from "node:assert/strict";
import { test } from "node:test";
import { takeSockets } from "./sockets.ts";

const passed = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "status:control" };

test("what systemd passed is known by its name, in whatever order it comes", () => {
  assert.deepEqual([...takeSockets({ ...passed }, 7)], Object.entries({ status: 3, control: 4 }));
  assert.deepEqual(
    [...takeSockets({ ...passed, LISTEN_FDNAMES: "control:status" }, 7)],
    Object.entries({ control: 3, status: 4 }),
  );
  assert.deepEqual([...takeSockets({ ...passed, LISTEN_FDS: "1", LISTEN_FDNAMES: "control" }, 7)], [["control", 3]]);
});

test("what is another process's, or makes no sense, is nothing", () => {
  assert.equal(takeSockets({}, 7).size, 0);
  for (const wrong of [
    { LISTEN_PID: "8" },
    { LISTEN_PID: "" },
    { LISTEN_FDS: "0" },
    { LISTEN_FDS: "-1" },
    { LISTEN_FDS: "many" },
    { LISTEN_FDS: "" },
  ]) {
    assert.equal(takeSockets({ ...passed, ...wrong }, 7).size, 0, JSON.stringify(wrong));
  }
});

test("nothing of it is in the environment of what is started later", () => {
  for (const pid of [7, 8]) {
    const env = { ...passed, LISTEN_PIDFDID: "1", PATH: "/bin" };
    takeSockets(env, pid);
    assert.deepEqual(env, { PATH: "/bin" });
  }
});
