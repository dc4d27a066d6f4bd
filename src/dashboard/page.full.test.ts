/** The page in a real browser, over a supervisor that shows what a test wants: nothing of it is faked on the page's side. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { browser, noBrowser } from "../../testbed/browser.ts";
import { waitFor } from "../../testbed/wait.ts";
import {
  dashboardOf,
  instanceOf,
  manyInstances,
  refusedOf,
  reportOf,
  type Scene,
  type Shown,
  sceneOf,
  statusOf,
  usageOf,
} from "./testing.ts";

const MARKUP = `<img src=x onerror="globalThis.ran=1"><script>globalThis.ran=1</script>`;

/** What has a text of its own whose contrast with what is behind it is less than 4.5 (WCAG 2.2, 1.4.3). */
const LEGIBILITY = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => parts(color).slice(0, 3).map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return parts(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const contrast = (element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    return (a + 0.05) / (b + 0.05);
  };
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "";
  const texts = [...document.body.querySelectorAll("*")].filter((each) => [...each.childNodes].some(isText) && each.checkVisibility());
  return {
    paper: getComputedStyle(document.body).backgroundColor,
    faint: texts.filter((each) => contrast(each) < 4.5).map((each) => each.outerHTML + " " + contrast(each)),
  };
})()`;
const Legibility = Type.Object({ paper: Type.String(), faint: Type.Array(Type.String()) });

describe("the page", { skip: noBrowser() ?? false }, () => {
  let chromium: Browser;
  before(async () => {
    chromium = await browser();
  });
  after(async () => {
    await chromium?.close();
  });

  interface Opened {
    readonly page: Page;
    readonly context: BrowserContext;
    readonly shown: Shown;
    readonly origin: string;
    readonly link: string;
    readonly end: () => Promise<void>;
  }

  /** Opens the page as a person does, and holds against it whatever goes elsewhere, is blocked by its policy, or fails in it. */
  async function look(scene: Scene, test: (opened: Opened) => Promise<void>, width = 1280): Promise<void> {
    await using dashboard = await dashboardOf(scene);
    const { shown, origin, link, end } = dashboard;
    const context = await chromium.newContext({ viewport: { width, height: 900 } });
    const page = await context.newPage();
    const wrong: string[] = [];
    const elsewhere: string[] = [];
    context.on("request", (request) => new URL(request.url()).origin !== origin && elsewhere.push(request.url()));
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on(
      "console",
      (message) => /Content Security Policy|TrustedHTML/.test(message.text()) && wrong.push(message.text()),
    );
    try {
      await page.goto(link);
      await page.waitForURL(dashboard.page);
      await page.locator("#link").filter({ hasText: "Live" }).waitFor();
      await test({ page, context, shown, origin, link, end });
      assert.deepEqual([wrong, elsewhere], [[], []]);
    } finally {
      await context.close();
    }
  }
  const shows = (page: Page, text: string) => page.getByText(text).first().waitFor();

  it("opens by the link once; the address that stays has no token, and no script sees the cookie", async () => {
    await look(sceneOf({ instances: [instanceOf("a")] }), async ({ page, context, link, origin }) => {
      await shows(page, "The one instance is ready.");
      assert.equal(page.url().includes("token"), false);
      assert.equal(await page.evaluate("document.cookie"), "");
      const [cookie] = await context.cookies(page.url());
      assert.deepEqual(
        [cookie?.httpOnly, cookie?.sameSite, cookie?.path],
        [true, "Strict", new URL(page.url()).pathname],
      );
      assert.deepEqual(await context.cookies(`${origin}/`), [], "another port of this address is sent nothing");
      const second = await context.newPage();
      const answer = await second.goto(link);
      assert.equal(answer?.status(), 401);
      await shows(second, "This browser has not opened the link");
    });
  });

  it("shows what an agent says as text: in a version, a reason, a line of its log, a destination, an event", async () => {
    const scene = sceneOf({
      instances: [
        instanceOf("a", {
          version: MARKUP,
          state: "failed",
          why: MARKUP,
          output: [MARKUP],
          lastExit: MARKUP,
          relaxations: [MARKUP],
        }),
      ],
      reports: [reportOf("a", [refusedOf(MARKUP, 443, { allow: { option: "outboundAllowCidrs", value: MARKUP } })])],
      logs: [{ at: "2026-01-02T03:04:05.000Z", unit: "opencode-a.service", priority: 3, message: MARKUP }],
      status: statusOf({ problems: [{ instance: MARKUP, field: MARKUP, what: MARKUP, fix: MARKUP }] }),
    });
    scene.ring.add("warning", { kind: "state", instance: "a", state: "failed" }, MARKUP);
    await look(scene, async ({ page }) => {
      await page.getByRole("cell", { name: MARKUP }).first().waitFor();
      await page.locator(".where").filter({ hasText: MARKUP }).waitFor();
      await page.locator(".notice").filter({ hasText: MARKUP }).waitFor();
      await page.getByRole("link", { name: "a", exact: true }).first().click();
      for (const place of [".log li", ".events li", ".output", ".facts dd", "#detail .where", "#detail .line code"])
        await page.locator(place).filter({ hasText: "<script>globalThis.ran=1</script>" }).first().waitFor();
      assert.deepEqual(
        await page.evaluate(
          "[globalThis.ran, document.querySelectorAll('img').length, document.querySelectorAll('main script').length]",
        ),
        [undefined, 1, 0],
      );
    });
  });

  it("changes as things do: an event, a refusal, a restart of the supervisor, and what came meanwhile", async () => {
    const scene = sceneOf({ instances: [instanceOf("a"), instanceOf("b")] });
    await look(scene, async ({ page, shown }) => {
      await shows(page, "All 2 instances are ready.");
      await shows(page, "Nothing was blocked.");
      scene.instances = [
        instanceOf("a"),
        instanceOf("b", { state: "failed", why: "the server failed: exit status 7" }),
      ];
      scene.ring.add("warning", { kind: "state", instance: "b", state: "failed" }, "b: failed");
      await shows(page, "1 of 2 instances needs a person.");
      await shows(page, "the server failed: exit status 7");
      scene.reports = [reportOf("a", [refusedOf("203.0.113.7", 443)])];
      scene.ring.add("warning", { kind: "refused", instance: "a" }, "a: 3 packets");
      await page.locator(".line").filter({ hasText: 'outboundAllowCidrs = [ "203.0.113.7/32" ];' }).waitFor();
      await page.getByRole("button", { name: "JSON" }).click();
      await page.locator(".line").filter({ hasText: '"outboundAllowCidrs": ["203.0.113.7/32"]' }).waitFor();
      await shown.stop();
      await page.getByText("The supervisor does not answer").waitFor();
      scene.instances = [instanceOf("a"), instanceOf("b"), instanceOf("c")];
      await shown.start();
      await shows(page, "All 3 instances are ready.");
      await page.getByText("The supervisor does not answer").waitFor({ state: "detached" });
    });
  });

  it("shows over time when each blocked destination was met, the first of all at the left edge", async () => {
    const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
    const report = reportOf("a", [refusedOf("203.0.113.7", 443, { first: ago(4), last: ago(1) })]);
    const scene = sceneOf({ instances: [instanceOf("a")], reports: [report] });
    const met = { kind: "refused", instance: "a", destination: "203.0.113.7", port: 443, protocol: "tcp" } as const;
    scene.ring.add("warning", { ...met, last_seen: ago(2) }, "a: 3 packets");
    scene.ring.add("warning", { ...met, port: 80, last_seen: ago(3) }, "a: 3 packets elsewhere");
    await look(scene, async ({ page }) => {
      const points = page.locator(".spans circle");
      await waitFor("points", async (saw) => {
        const places = await Promise.all((await points.all()).map((point) => point.getAttribute("cx")));
        saw(places);
        return places.map((place) => Math.round(Number.parseFloat(place ?? ""))).join() === "0,50,75";
      });
    });
  });

  it("says so when its own command has ended, and keeps what was seen", async () => {
    await look(sceneOf({ instances: [instanceOf("a")] }), async ({ page, end }) => {
      await shows(page, "The one instance is ready.");
      await end();
      await shows(page, "The dashboard cannot be reached");
      await shows(page, "The one instance is ready.");
    });
  });

  it("says in words that there is nothing", async () => {
    await look(sceneOf(), async ({ page }) => {
      for (const text of [
        "There are no instances yet. Add one",
        "Nothing was blocked.",
        "Nothing was started, restarted or failed",
      ])
        await shows(page, text);
    });
  });

  it("is worked by the keyboard alone, and says where it is", async () => {
    await look(
      sceneOf({ instances: [instanceOf("alpha"), instanceOf("beta"), instanceOf("gamma", { state: "stopped" })] }),
      async ({ page }) => {
        await page.getByRole("row", { name: /alpha/ }).waitFor();
        await page.keyboard.press("/");
        await page.keyboard.type("bet");
        await page.getByRole("row", { name: /alpha/ }).waitFor({ state: "detached" });
        await page.keyboard.press("Tab");
        for (let index = 0; index < 8 && (await focused(page)) !== "beta"; index++) await page.keyboard.press("Tab");
        assert.equal(await focused(page), "beta");
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: "beta" }).waitFor();
        assert.equal(await focused(page), "beta", "the heading has the focus");
        await waitFor("the title", async () => (await page.title()) === "beta · build-07");
        await page.goBack();
        await page.getByRole("row", { name: /beta/ }).waitFor();
        await page.getByRole("searchbox").fill("");
        await page.getByRole("button", { name: "Off" }).press("Space");
        await page.getByRole("row", { name: /alpha/ }).waitFor({ state: "detached" });
        await page.getByRole("row", { name: /gamma/ }).waitFor();
        const header = page.getByRole("columnheader", { name: "Instance" });
        await header.getByRole("button").press("Enter");
        await page.locator("th[aria-sort=ascending]").filter({ hasText: "Instance" }).waitFor();
      },
    );
  });

  it("leaves the keyboard where it is when what is around it is drawn anew", async () => {
    const scene = sceneOf({
      instances: [instanceOf("alpha"), instanceOf("beta")],
      reports: [reportOf("alpha", [refusedOf("203.0.113.7", 443), refusedOf("203.0.113.8", 443)])],
    });
    for (const instance of ["alpha", "beta"])
      for (const state of ["starting", "ready"]) scene.ring.add("info", { kind: "state", instance, state }, state);
    await look(scene, async ({ page }) => {
      await page.locator("#lanes").getByRole("link", { name: "beta" }).focus();
      scene.ring.add("warning", { kind: "state", instance: "beta", state: "failed" }, "beta: failed");
      await page.getByRole("img", { name: /^beta: .*now Failed/ }).waitFor();
      assert.equal(await focused(page), "beta");
      await page.getByRole("button", { name: "Copy what allows 203.0.113.8:443/tcp" }).focus();
      const more = refusedOf("203.0.113.9", 443, { last: new Date().toISOString() });
      scene.reports = [reportOf("alpha", [more, ...(scene.reports[0]?.destinations ?? [])])];
      scene.ring.add("warning", { kind: "refused", instance: "alpha" }, "alpha: 3 packets");
      await page.getByRole("button", { name: "Copy what allows 203.0.113.9:443/tcp" }).waitFor();
      assert.equal(await page.evaluate("document.activeElement?.ariaLabel"), "Copy what allows 203.0.113.8:443/tcp");
    });
  });
  const focused = (page: Page): Promise<unknown> => page.evaluate("document.activeElement?.textContent");

  it("is light or dark as the browser is, and can be read in both", async () => {
    const scene = sceneOf({
      instances: [
        instanceOf("a"),
        instanceOf("b", { state: "failed", why: "so it is" }),
        instanceOf("c", { state: "stopped" }),
      ],
      reports: [reportOf("a", [refusedOf("203.0.113.7", 443)])],
      status: statusOf({ problems: [{ instance: "b", field: "user", what: "it is not", fix: "write it" }] }),
    });
    await look(scene, async ({ page }) => {
      await page.locator(".line").first().waitFor();
      const papers = [];
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const { paper, faint } = Value.Parse(Legibility, await page.evaluate(LEGIBILITY));
        assert.deepEqual(faint, [], colorScheme);
        papers.push(paper);
      }
      assert.notEqual(papers[0], papers[1]);
    });
  });

  it("every control has a name, and a table is a table however it is laid out", async () => {
    for (const width of [360, 1280, 3840]) {
      const scene = sceneOf({
        instances: [instanceOf("a", { state: "failed", why: "x".repeat(300) })],
        reports: [reportOf("a", [refusedOf("203.0.113.7", 443)])],
      });
      await look(
        scene,
        async ({ page }) => {
          await page.getByRole("table").getByRole("rowheader", { name: "a" }).waitFor();
          assert.equal(await page.getByRole("cell", { name: /^Failed/ }).count(), 1);
          await page.getByRole("button", { name: "Copy what allows 203.0.113.7:443/tcp" }).waitFor();
          const unnamed = await page.evaluate(
            "[...document.querySelectorAll('button, a, input, select')].filter((each) => (each.ariaLabel ?? each.textContent ?? '').trim() === '' && (each.labels?.length ?? 0) === 0).map((each) => each.outerHTML)",
          );
          assert.deepEqual(unnamed, []);
          assert.equal(
            await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
            true,
            `${width} px wide`,
          );
          await page.goto(`${page.url()}#/instance/a`);
          await page.getByRole("heading", { level: 1, name: "a" }).waitFor();
          assert.equal(
            await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
            true,
            `${width} px wide`,
          );
        },
        width,
      );
    }
  });

  it("follows an instance's log, and tells what it uses", async () => {
    const line = (message: string) => ({
      at: new Date().toISOString(),
      unit: "opencode-a.service",
      priority: 6,
      message,
    });
    const scene = sceneOf({
      instances: [instanceOf("a")],
      logs: [line("the first line")],
      usage: () => usageOf(316 << 20, performance.now() / 2000),
    });
    await look(scene, async ({ page }) => {
      await page.getByRole("cell", { name: "316 MiB" }).waitFor();
      await page.getByRole("link", { name: "a", exact: true }).click();
      await shows(page, "the first line");
      scene.logs = [...scene.logs, line("the second line")];
      await shows(page, "the second line");
      assert.equal(await page.locator(".log li").count(), 2);
      await page.goto(`${page.url().replace(/#.*/, "")}#/instance/nobody`);
      await shows(page, "There is no instance of this name");
    });
  });

  it("shows 200 instances, and is built a few rows at a time", async () => {
    await look(manyInstances(200), async ({ page }) => {
      await page.locator("tbody tr:nth-child(200)").waitFor();
      assert.equal(await page.locator("tbody tr").count(), 200);
      await page.getByRole("searchbox").fill("project-199");
      await page.locator("tbody tr:nth-child(2)").waitFor({ state: "detached" });
    });
  });
});
