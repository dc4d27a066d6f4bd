/** The command on a machine with a supervisor of its own, and a browser on that machine's loopback. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { browser, noBrowser } from "../../../testbed/browser.ts";
import { light, Supervised, scripted } from "../../daemon/machine/testing.ts";
import { SUPERVISOR_UNIT } from "../../spec/names.ts";

const HOSTILE = "<script>globalThis.ran=1</script>";
const PATIENTLY = { timeout: 60_000 };

describe("the dashboard of a running supervisor", { skip: noBrowser() ?? false }, () => {
  let host: Supervised;
  let chromium: Browser;
  let page: Page;
  before(async () => {
    host = await Supervised.up("dashboard", {
      // It says something, tries what it may not reach, and waits.
      a: scripted("a", 8001, `echo '${HOSTILE}'; curl -s -m 1 http://127.0.0.1:5432/; exec sleep infinity`, {
        networkIsolation: { enable: true },
      }),
      b: light("b", 8002),
    });
    await host.untilAll({ a: "starting", b: "starting" });
    await host.machine.sh(
      "systemd-run --unit dashboard --property=StandardOutput=file:/root/said opencode-supervisor dashboard",
    );
    chromium = await browser(host.machine.pid);
    page = await chromium.newPage();
    page.setDefaultTimeout(PATIENTLY.timeout);
    await page.goto(await link());
    await page.locator("#link").filter({ hasText: "Live" }).waitFor();
  });
  after(async () => {
    await chromium?.close();
    await host?.down();
  });
  const link = async (): Promise<string> =>
    await host.waitFor("the link", async () => {
      const said = await host.machine.readFile("/root/said");
      return said.includes("Ctrl-C") && /http:\S+/.exec(said)?.[0];
    });
  const row = (name: string) => page.getByRole("row", { name: new RegExp(`^${name} `) });

  it("shows its instances, what they use and what they were refused, with the line that allows it", async () => {
    await row("a").filter({ hasText: "Enforced" }).filter({ hasText: "Starting" }).waitFor();
    await row("b").filter({ hasText: "Open" }).waitFor();
    await row("b").filter({ hasText: "%" }).waitFor();
    const line = "services.opencode.instances.a.networkIsolation.allowLoopbackPorts = [ 5432 ];";
    await page.locator(".line").filter({ hasText: line }).waitFor();
  });

  it("shows what one wrote, as text", async () => {
    await row("a").getByRole("link").click();
    await page.locator(".log li").filter({ hasText: HOSTILE }).waitFor();
    assert.equal(await page.evaluate("globalThis.ran"), undefined);
    await page.goBack();
  });

  it("changes at once when one is stopped, and marks its restart", async () => {
    await host.cli("stop", "b");
    await row("b").filter({ hasText: "Stopped" }).waitFor();
    await host.cli("start", "b");
    await page.getByRole("img", { name: /^b: 1 restart/ }).waitFor();
  });

  it("goes on over a restart of the supervisor, which it does not need a new link for", async () => {
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await page.locator("#link").filter({ hasText: "Live" }).waitFor();
    await host.cli("stop", "a");
    await row("a").filter({ hasText: "Stopped" }).waitFor();
  });

  it("ends with its command, and says so", async () => {
    await host.systemctl("stop", "dashboard.service");
    await page.getByText("The dashboard cannot be reached").waitFor();
  });
});
