/** Who gets in, asked by which name, with what; and what is passed on from the supervisor. */
import assert from "node:assert/strict";
import { get } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Access, LINK_MS } from "./access.ts";
import type { Assets } from "./assets.ts";
import { isFromElsewhere, isLoopback, isOurHost, originOf } from "./host.ts";
import { buildDashboard } from "./server.ts";
import { Supervisor } from "./supervisor.ts";
import { instanceOf, refusedOf, reportOf, type Scene, Shown, sceneOf, usageOf } from "./testing.ts";

const page = (type: string, text: string) => ({ type, bytes: Buffer.from(text) });
const ASSETS: Assets = new Map([
  ["index.html", page("text/html; charset=utf-8", "<title>the page</title>")],
  ["main.js", page("text/javascript; charset=utf-8", "export {};")],
  ["refused.html", page("text/html; charset=utf-8", "<title>not signed in</title>")],
]);
const HOST = { host: "127.0.0.1:8123" };

/** A dashboard over a scene, and what asks it: with a session, unless other headers say so. */
async function opened(t: TestContext, scene: Scene = sceneOf()) {
  const shown = await Shown.of(scene);
  const access = new Access();
  const { server } = buildDashboard({
    ...{ supervisor: new Supervisor(shown.socket), usage: async (name) => scene.usage(name) },
    ...{ assets: ASSETS, access, host: "build-07" },
  });
  t.after(async () => {
    await server.close();
    await shown[Symbol.asyncDispose]();
  });
  const link = access.link ?? "";
  const cookie = access.enter(link.split("=")[1] ?? "")?.split(";")[0] ?? "";
  const ask = async (
    path: string,
    headers: Record<string, string> = { ...HOST, cookie },
    method: "GET" | "POST" = "GET",
  ) => await server.inject({ method, url: path.startsWith("/") ? path : access.base + path, headers });
  return { server, shown, access, cookie, ask };
}

describe("the link", () => {
  it("opens the page once, in time, and to nobody without the token", () => {
    let now = 0;
    const access = new Access(() => now);
    const token = access.link?.replace("/enter?token=", "") ?? "";
    assert.match(token, /^[\w-]{43}$/);
    for (const wrong of ["", "x", `${token}x`, token.slice(1), token.toLowerCase()])
      assert.equal(access.enter(wrong), null);
    assert.match(
      access.enter(token) ?? "",
      /^opencode-supervisor-dashboard=[\w-]{43}; Path=\/[\w-]{22}\/; HttpOnly; SameSite=Strict$/,
    );
    assert.deepEqual([access.enter(token), access.link], [null, null]);
    const late = new Access(() => now);
    now += LINK_MS + 1;
    assert.equal(late.enter(late.link?.split("=")[1] ?? ""), null);
  });

  it("gives a cookie that is known again, among others of its name", () => {
    const access = new Access();
    const cookie = access.enter(access.link?.split("=")[1] ?? "")?.split(";")[0] ?? "";
    const name = cookie.split("=")[0];
    assert.deepEqual(
      [
        cookie,
        `a=b; ${cookie}`,
        `${name}=planted; ${cookie}`,
        `${cookie}x`,
        `x${cookie}`,
        `${name}=`,
        "",
        undefined,
      ].map((header) => access.knows(header)),
      [true, true, true, false, false, false, false, false],
    );
    assert.equal(new Access().knows(cookie), false, "of another run of the command");
  });

  it("leads to a page that goes on by itself, and is spent by then", async (t) => {
    const { server } = await opened(t);
    const access = new Access();
    const fresh = buildDashboard({ supervisor: new Supervisor("/nowhere"), assets: ASSETS, access }).server;
    const url = access.link ?? "";
    assert.equal(
      (await fresh.inject({ method: "HEAD", url, headers: HOST })).statusCode,
      405,
      "a preview does not spend it",
    );
    const answer = await fresh.inject({ url, headers: { ...HOST, "sec-fetch-site": "cross-site" } });
    assert.deepEqual([answer.statusCode, answer.headers.refresh], [200, `0; url=${access.base}`]);
    const again = await fresh.inject({ url, headers: { ...HOST, accept: "text/html" } });
    assert.deepEqual([again.statusCode, again.body.includes("not signed in")], [401, true]);
    assert.equal((await server.inject({ url: "/enter", headers: HOST })).statusCode, 401);
  });
});

describe("who is let in", () => {
  it("nobody without the session, to no path", async (t) => {
    const { ask, access } = await opened(t);
    for (const path of [
      "/",
      "/favicon.ico",
      access.base,
      `${access.base}main.js`,
      `${access.base}api/status`,
      "/healthz",
    ]) {
      const answer = await ask(path, HOST);
      assert.deepEqual([answer.statusCode, answer.json().code], [401, "not-signed-in"], path);
    }
    assert.equal((await ask("", { ...HOST, cookie: "opencode-supervisor-dashboard=x" })).statusCode, 401);
    assert.match((await ask("")).body, /the page/);
  });

  it("nobody who came by another name, however good the session is", async (t) => {
    const { ask, cookie, access } = await opened(t);
    for (const host of [
      "rebound.example",
      "rebound.example:8123",
      "127.0.0.1.example",
      "0.0.0.0:8123",
      "[::]:8123",
      "192.0.2.1",
    ]) {
      const answer = await ask("", { host, cookie });
      assert.deepEqual([answer.statusCode, answer.json().code], [421, "another-host"], host);
      assert.equal((await ask(access.link ?? "/enter?token=x", { host })).statusCode, 421);
    }
    for (const host of ["localhost:9000", "LOCALHOST", "[::1]:8123", "127.8.9.1"])
      assert.equal((await ask("", { host, cookie })).statusCode, 200, host);
  });

  it("no other site, and no page of another port", async (t) => {
    const { ask, cookie } = await opened(t);
    for (const site of ["cross-site", "same-site"]) {
      const answer = await ask("api/status", { ...HOST, cookie, "sec-fetch-site": site });
      assert.deepEqual([answer.statusCode, answer.json().code], [403, "another-site"]);
    }
    for (const site of ["same-origin", "none"])
      assert.equal((await ask("api/status", { ...HOST, cookie, "sec-fetch-site": site })).statusCode, 200);
  });

  it("nothing but GET, and every answer forbids what is not its own", async (t) => {
    const { ask, cookie } = await opened(t);
    const refused = await ask("api/instances/a/restart", { ...HOST, cookie }, "POST");
    assert.deepEqual([refused.statusCode, refused.headers.allow, refused.json().code], [405, "GET", "only-get"]);
    for (const path of ["", "main.js", "api/status", "nothing"]) {
      const { headers } = await ask(path);
      assert.match(
        String(headers["content-security-policy"]),
        /^default-src 'none'; script-src 'self';.*trusted-types 'none'$/,
      );
      assert.deepEqual(
        [
          headers["x-content-type-options"],
          headers["referrer-policy"],
          headers["cache-control"],
          headers["access-control-allow-origin"],
        ],
        ["nosniff", "no-referrer", "no-store", undefined],
      );
    }
  });

  it("the names are those of loopback", () => {
    assert.deepEqual(
      ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "192.0.2.1", "localhost", "127.1"].map(isLoopback),
      [...[true, true, true, false, false, false, false, false]],
    );
    assert.deepEqual(
      [isOurHost("localhost:"), isOurHost("a@localhost"), isOurHost("[::1"), isOurHost(undefined)],
      [false, false, false, false],
    );
    assert.deepEqual([isFromElsewhere(undefined), isFromElsewhere(["none"])], [false, true]);
    assert.deepEqual([originOf("::1", 1), originOf("127.0.0.1", 2)], ["http://[::1]:1", "http://127.0.0.1:2"]);
  });
});

describe("what is passed on", () => {
  const scene = () =>
    sceneOf({
      instances: [instanceOf("a"), instanceOf("b")],
      reports: [reportOf("a", [refusedOf("203.0.113.7", 443), refusedOf("2001:db8::1", 53, { allow: null })])],
      logs: [{ at: "2026-01-02T03:04:05.000Z", unit: "opencode-a.service", priority: 6, message: "hello" }],
      usage: (name) => usageOf(name === "a" ? 1 << 20 : null, 1),
    });

  it("the supervisor's answers, and what instances use", async (t) => {
    const { ask } = await opened(t, scene());
    assert.deepEqual((await ask("api/about")).json(), { host: "build-07" });
    assert.equal((await ask("api/status")).json().version, "0.1.0");
    assert.equal((await ask("api/instances")).json().instances.length, 2);
    assert.equal((await ask("api/instances/b")).json().name, "b");
    assert.equal((await ask("api/instances/a/logs?lines=5")).json().lines[0].message, "hello");
    assert.deepEqual((await ask("api/instances/a/logs?after=1")).json(), { lines: [], cursor: "1" });
    assert.deepEqual((await ask("api/usage")).json().instances.a.memoryBytes, 1 << 20);
    assert.deepEqual((await ask("api/events")).json(), { events: [] });
  });

  it("blocked destinations with the lines that allow them", async (t) => {
    const { ask } = await opened(t, scene());
    const { destinations } = (await ask("api/instances/a/blocked")).json();
    assert.deepEqual(destinations[0].lines, {
      nix: 'services.opencode.instances.a.networkIsolation.outboundAllowCidrs = [ "203.0.113.7/32" ];',
      json: '"networkIsolation": { "outboundAllowCidrs": ["203.0.113.7/32"] }',
    });
    assert.deepEqual([destinations[1].text, destinations[1].lines], ["[2001:db8::1]:53/tcp", null]);
    assert.deepEqual((await ask("api/blocked")).json().instances[0].destinations, destinations);
  });

  it("nothing else, whatever a path is written as", async (t) => {
    const { ask } = await opened(t, scene());
    for (const path of [
      "api/instances/%2e%2e%2fstatus",
      "api/instances/..%2f..%2fmetrics",
      "api/instances/nobody",
      "api/metrics",
      "api/openapi.json",
      "../main.js",
      "%2e%2e/server.js",
      "main.ts",
      "api/instances/%00",
    ]) {
      const answer = await ask(path);
      assert.ok([404, 401].includes(answer.statusCode), `${path}: ${answer.statusCode}`);
      assert.match(answer.headers["content-type"] ?? "", /problem/);
    }
    assert.equal((await ask("api/instances/a/logs?lines=1&after=x%26unit%3Dsshd&unit=sshd")).statusCode, 200);
  });

  it("that the supervisor is away, with what to do; and that it is of another version", async (t) => {
    const { ask, shown } = await opened(t, { ...scene(), instances: [JSON.parse('{"name":"of another shape"}')] });
    const other = await ask("api/instances");
    assert.deepEqual([other.statusCode, other.json().code], [503, "away"]);
    assert.match(other.json().detail, /another version/);
    await shown.stop();
    const answer = await ask("api/status");
    assert.deepEqual(
      [answer.statusCode, answer.json().detail],
      [503, "the supervisor does not run: systemctl start opencode.target"],
    );
  });
});

describe("the events", () => {
  it("go on over a restart of the supervisor, from where they were", async (t) => {
    const scene = sceneOf();
    const { server, shown, access, cookie } = await opened(t, scene);
    scene.ring.add("info", { kind: "state", instance: "a", state: "ready" }, "before");
    const origin = await server.listen({ host: "127.0.0.1", port: 0 });
    let text = "";
    const call = get(`${origin}${access.base}api/events/stream?after=run-0`, { headers: { cookie } }, (response) => {
      response.setEncoding("utf8").on("data", (chunk) => {
        text += String(chunk);
      });
      response.on("error", () => undefined);
    });
    const says = async (what: RegExp): Promise<void> => {
      const end = performance.now() + 20_000;
      while (!what.test(text)) {
        assert.ok(performance.now() < end, `no ${what} in ${text}`);
        await delay(20);
      }
    };
    await says(/event: here[\s\S]*id: run-1\nevent: event\ndata: .*"before"/);
    await shown.stop();
    await says(/event: away/);
    scene.ring.add("info", { kind: "state", instance: "a", state: "ready" }, "meanwhile");
    await shown.start();
    await says(/event: away[\s\S]*event: here[\s\S]*id: run-2[\s\S]*"meanwhile"/);
    assert.equal(text.match(/"before"/g)?.length, 1);
    call.destroy();
  });

  it("are given to so many pages, and no more", async (t) => {
    const { server, access, cookie } = await opened(t);
    const origin = await server.listen({ host: "127.0.0.1", port: 0 });
    const open = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const url = `${origin}${access.base}api/events/stream`;
        const call = get(url, { headers: { cookie }, agent: false }, (response) => {
          response.on("error", () => undefined).resume();
          resolve(response.statusCode ?? 0);
        });
        call.on("error", reject);
        t.after(() => call.destroy());
      });
    const statuses = await Promise.all(Array.from({ length: 17 }, open));
    assert.deepEqual(
      [statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 503).length],
      [16, 1],
    );
  });
});
