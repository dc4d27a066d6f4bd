/** The command as it is typed: it runs as it is installed, from dist, where the page is. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Value } from "typebox/value";
import { ANSWERS } from "./answers.ts";
import { greeting } from "./dashboard.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Starts it; the link that it prints, or its line of JSON. */
async function started(...args: string[]): Promise<{ readonly child: ChildProcess; readonly link: string }> {
  const child = spawn(process.execPath, [MAIN, "dashboard", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    const link = /http:\S+/.exec(text)?.[0];
    if (link !== undefined && text.includes("Ctrl-C")) return { child, link };
    if (/^\{.*\}\n$/.test(text)) return { child, link: text };
  }
  throw new Error(`it ended without a link: ${text}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`it prints a link that opens the page, and ends with ${signal}`, async () => {
    const { child, link } = await started();
    const opened = await fetch(link);
    assert.equal(opened.status, 200);
    const page = new URL(opened.headers.get("refresh")?.replace("0; url=", "") ?? "", link);
    const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
    assert.match(
      await (await fetch(page, { headers: { cookie } })).text(),
      /<script type="module" async src="main.js">/,
    );
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [0, null]);
    await assert.rejects(fetch(link));
  });
}

test("--json says the link, how long it is good for and the line for ssh", async () => {
  const { child, link } = await started("--json");
  const { url, seconds, ssh } = Value.Parse(ANSWERS.dashboard, JSON.parse(link));
  assert.equal((await fetch(url)).status, 200);
  child.kill();
  const { port } = new URL(url);
  assert.deepEqual([seconds, ssh.startsWith(`ssh -L ${port}:127.0.0.1:${port} `)], [600, true]);
});

test("a port that is taken, and an address that is not loopback, are said", async () => {
  const { child, link } = await started();
  const taken = spawnSync(process.execPath, [MAIN, "dashboard", "--port", new URL(link).port], { encoding: "utf8" });
  child.kill();
  assert.deepEqual([taken.status, /EADDRINUSE/.test(taken.stderr)], [69, true]);
  for (const args of [
    ["--address", "0.0.0.0"],
    ["--address", "localhost"],
    ["--port", "65536"],
    ["--port", "x"],
  ]) {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, "dashboard", ...args], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [64, ""], args.join(" "));
  }
});

test("the line for ssh has the port and the host", () => {
  assert.match(
    greeting("127.0.0.1", 8123, "/x", "me", "build-07"),
    /^ {2}http:\/\/127\.0\.0\.1:8123\/x$[\s\S]*^ {2}ssh -L 8123:127\.0\.0\.1:8123 me@build-07$/m,
  );
  assert.match(greeting("::1", 8123, "/x", "me", "build-07"), /^ {2}ssh -L 8123:\[::1\]:8123 me@build-07$/m);
});
