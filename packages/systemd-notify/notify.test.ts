import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { notify } from "./index.js";

const dir = mkdtempSync(join(tmpdir(), "systemd-notify-"));
after(() => rmSync(dir, { recursive: true }));
beforeEach(() => {
  delete process.env.NOTIFY_SOCKET;
});

/** A receiver of one datagram on `address`: says "up", then the sender's pid and what it sent. */
async function receiver(address: string) {
  const script = `import socket,struct,sys
a=sys.argv[1]; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)
s.bind("\\0"+a[1:] if a[0]=="@" else a); s.setsockopt(socket.SOL_SOCKET,socket.SO_PASSCRED,1)
print("up",flush=True); s.settimeout(10)
data,ancillary,_,_=s.recvmsg(8192,1024)
print(struct.unpack("iii",ancillary[0][2])[0]); print(data.decode(),end="")`;
  const child = spawn("python3", ["-c", script, address], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child.stdout, "data");
  return async () => {
    await once(child, "close");
    return said.replace("up\n", "");
  };
}

for (const address of [join(dir, "notify"), `@opencode-notify-test-${process.pid}`]) {
  test(`sends one datagram from this process itself to ${address[0] === "@" ? "an abstract name" : "a path"}`, async () => {
    const received = await receiver(address);
    process.env.NOTIFY_SOCKET = address;
    assert.equal(notify("READY=1\nSTATUS=läuft"), true);
    assert.equal(await received(), `${process.pid}\nREADY=1\nSTATUS=läuft`);
  });
}

test("does nothing and says so without $NOTIFY_SOCKET", () => {
  assert.equal(notify("READY=1"), false);
  process.env.NOTIFY_SOCKET = "";
  assert.equal(notify("READY=1"), false);
});

const REFUSALS: readonly (readonly [what: string, address: string, state: string, code: string, text: RegExp])[] = [
  ["nobody listens", join(dir, "nobody"), "READY=1", "ENOENT", /No such file or directory/],
  ["the file is no socket", join(dir, "file"), "READY=1", "ECONNREFUSED", /Connection refused/],
  ["the address is of another kind", "vsock:2:9999", "READY=1", "EAFNOSUPPORT", /not supported/],
  ["the address is too long", `/${"x".repeat(150)}`, "READY=1", "ENAMETOOLONG", /too long/],
  ["the state is too long", join(dir, "nobody"), "X".repeat(5000), "EMSGSIZE", /too long/],
];
for (const [what, address, state, code, text] of REFUSALS) {
  test(`throws ${code} when ${what}`, () => {
    if (!existsSync(join(dir, "file"))) writeFileSync(join(dir, "file"), "");
    process.env.NOTIFY_SOCKET = address;
    assert.throws(() => notify(state), { code, message: text });
  });
}

test("memory that was freed is given back to the kernel", () => {
  // In a process of its own, with one arena: blocks too small for a mapping of their own, of which every second one stays.
  const script = `
    import { readFileSync } from "node:fs";
    import { trimMemory } from "${import.meta.dirname}/index.js";
    const resident = () => Number(/^RssAnon:\\s+(\\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    const blocks = Array.from({ length: 4096 }, () => Buffer.allocUnsafeSlow(16 * 1024).fill(1));
    const kept = blocks.filter((_, index) => index % 2 === 0);
    blocks.length = 0;
    gc({ type: "major", execution: "sync", flavor: "last-resort" });
    const before = resident();
    trimMemory();
    console.log(before - resident(), kept.length);`;
  const { stdout } = spawnSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], {
    encoding: "utf8",
    env: { MALLOC_ARENA_MAX: "1" },
  });
  const [kilobytes, kept] = stdout.trim().split(" ").map(Number);
  assert.ok(kilobytes !== undefined && kilobytes > 8 * 1024, stdout);
  assert.equal(kept, 2048);
});
