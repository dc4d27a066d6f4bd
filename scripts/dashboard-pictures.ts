/**
 * Pictures of the dashboard over a made-up host, by headless Chromium: to look at after a change of the page.
 *   node scripts/dashboard-pictures.ts DIRECTORY   all of them
 *   node scripts/dashboard-pictures.ts             only the one of the README, docs/images/dashboard.png
 * The build has to be fresh: npm run build.
 */
import { mkdirSync } from "node:fs";
import { mock } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { EventRing } from "../src/daemon/events/ring.ts";
import * as make from "../src/dashboard/testing.ts";
import { browser } from "../testbed/browser.ts";

const NAMES = ["api-gateway", "billing", "docs-site", "frontend", "mobile", "reports", "search"];
const MIB = 1 << 20;
const before = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

/** Adds an event as if it had been told so many minutes ago. */
function told(ring: EventRing, minutes: number, instance: string, state: string, why = ""): void {
  mock.timers.enable({ apis: ["Date"], now: Date.now() - minutes * 60_000 });
  const severity = state === "failed" || state === "backing-off" ? "warning" : "info";
  ring.add(severity, { kind: "state", instance, state }, `${instance}: ${state}${why === "" ? "" : `: ${why}`}`);
  mock.timers.reset();
}

/** Tells of a destination that was refused so many minutes ago. */
function refused(ring: EventRing, minutes: number, instance: string, destination: string, port: number): void {
  mock.timers.enable({ apis: ["Date"], now: Date.now() - minutes * 60_000 });
  ring.add("info", { kind: "refused", instance, destination, port, protocol: "tcp" }, `${instance}: 4 packets`);
  mock.timers.reset();
}

const started = (ring: EventRing, minutes: number, name: string): void => {
  told(ring, minutes, name, "starting");
  told(ring, minutes - 0.4, name, "ready");
};

function scene(): make.Scene {
  const ring = new EventRing("run");
  for (const [index, name] of NAMES.entries()) started(ring, 58 - index / 3, name);
  told(ring, 33, "billing", "unhealthy", "its server answers late");
  told(ring, 31, "billing", "backing-off", "the server hung and was killed");
  started(ring, 30.5, "billing");
  told(ring, 12, "billing", "backing-off", "the server failed: killed by signal 9");
  started(ring, 11.6, "billing");
  told(ring, 24, "search", "backing-off", "the server failed: exit status 1");
  told(ring, 23.5, "search", "starting");
  told(ring, 23, "search", "backing-off", "the server failed: exit status 1");
  told(ring, 22, "search", "failed", "the server failed: exit status 1");
  told(ring, 40, "mobile", "stopped");
  told(ring, 0.6, "reports", "setting-up");
  for (const minutes of [46, 37, 22, 12]) refused(ring, minutes, "billing", "203.0.113.24", 443);
  const instances = NAMES.map((name, index) =>
    make.instanceOf(name, {
      listen: { address: "127.0.0.1", port: 8001 + index, extraPorts: [] },
      since: before(58 - index / 3),
    }),
  ).map((instance) => ({ ...instance, ...SPECIAL[instance.name] }));
  const lines = [
    "listening on http://127.0.0.1:8002",
    "session ses_71 created",
    "tool bash: npm test",
    "142 tests passed",
    "tool edit: src/invoice.ts",
  ];
  const logs = lines.map((message, index) => ({
    at: before(9 - index),
    unit: "opencode-billing.service",
    priority: 6,
    message,
  }));
  const cpu = (name: string): number => (performance.now() / 1000) * (0.004 + (name.length % 5) * 0.03);
  return make.sceneOf({
    ...{ ring, instances, logs, status: make.statusOf({ state: "degraded", since: before(61) }) },
    usage: (name) =>
      name === "mobile" || name === "search"
        ? make.usageOf(null, null)
        : make.usageOf((300 + name.length * 24) * MIB, cpu(name)),
    reports: [
      make.reportOf("billing", [
        make.refusedOf("203.0.113.24", 443, { packets: 38, first: before(48), last: before(2) }),
        make.refusedOf("198.51.100.9", 53, { ...UDP, packets: 6, first: before(31), last: before(11) }),
      ]),
      make.reportOf("frontend", [
        make.refusedOf("127.0.0.1", 5432, {
          allow: { option: "allowLoopbackPorts", value: 5432 },
          packets: 4,
          first: before(21),
          last: before(20),
        }),
      ]),
    ],
  });
}
const UDP = { protocol: "udp", protocolNumber: 17, allow: { option: "dns", value: "198.51.100.9" } };
const GONE = { pid: null, version: null };
const SPECIAL: Readonly<Record<string, object>> = {
  billing: { restarts: 2, since: before(11), relaxations: ["sandbox.unixSockets.allow: /run/postgresql"] },
  "docs-site": { policy: { wanted: "audit", inForce: true } },
  mobile: {
    ...GONE,
    state: "stopped",
    since: before(40),
    why: "stopped by hand, or ended by itself; `opencode-supervisor start mobile` starts it again",
  },
  reports: { ...GONE, state: "setting-up", since: before(0.6) },
  search: {
    ...{ ...GONE, state: "failed", restarts: 5, since: before(22), lastExit: "exit status 1" },
    why: "the server failed: exit status 1; mend it, then `opencode-supervisor start search`",
    output: [
      "Error: Configuration is invalid at /etc/opencode/opencode.json",
      "  provider.local.models: Expected object",
    ],
  },
};

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly hash?: string;
  readonly scene?: () => make.Scene;
  readonly act?: (page: Page, shown: make.Shown) => Promise<unknown>;
}
const NOTHING = (): make.Scene => make.sceneOf();
const PICTURES: Readonly<Record<string, Picture>> = {
  light: { width: 1440, height: 900 },
  dark: { width: 1440, height: 900, dark: true },
  middle: { width: 1024, height: 900 },
  narrow: { width: 360, height: 1400 },
  "narrow-detail": { width: 360, height: 1800, hash: "#/instance/billing", dark: true },
  detail: { width: 1440, height: 1100, hash: "#/instance/billing" },
  failed: { width: 1440, height: 900, hash: "#/instance/search", dark: true },
  empty: { width: 1440, height: 700, scene: NOTHING },
  away: {
    ...{ width: 1440, height: 800 },
    act: async (page, shown) => {
      await shown.stop();
      await page.locator(".notice").waitFor();
    },
  },
  wide: { width: 3840, height: 2160 },
};

async function take(name: string, picture: Picture, path: string): Promise<void> {
  await using dashboard = await make.dashboardOf((picture.scene ?? scene)());
  const chromium = await browser();
  try {
    const { width, height, dark = false, hash = "", act } = picture;
    const page = await chromium.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
    page.on("pageerror", (error) => console.error(name, error));
    page.on("console", (message) => message.type() === "error" && console.error(name, message.text()));
    await page.goto(dashboard.link);
    await page.waitForURL(dashboard.page);
    await page.goto(dashboard.page + hash);
    await page.getByText("Live", { exact: true }).waitFor();
    await page
      .getByText("of a core")
      .first()
      .waitFor({ timeout: 12_000 })
      .catch(() => undefined);
    await act?.(page, dashboard.shown);
    await page.screenshot({ path });
  } finally {
    await chromium.close();
  }
}

const [directory, ...only] = process.argv.slice(2);
if (directory === undefined) {
  const path = fileURLToPath(new URL("../docs/images/dashboard.png", import.meta.url));
  await take("light", { width: 1440, height: 800 }, path);
} else {
  mkdirSync(directory, { recursive: true });
  for (const [name, picture] of Object.entries(PICTURES))
    if (only.length === 0 || only.includes(name)) await take(name, picture, `${directory}/${name}.png`);
}
