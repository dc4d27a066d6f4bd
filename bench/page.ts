/**
 * What the dashboard's page takes in headless Chromium with 200 instances: until all are painted, and how long its longest task
 * holds everything else up (PerformanceObserver `longtask`: whatever takes more than 50 ms), when it is opened, when everything
 * changes, and while a person sorts and types.
 */
import type { Page } from "playwright-core";
import { readAssets } from "../src/dashboard/assets.ts";
import { buildDashboard } from "../src/dashboard/server.ts";
import { Supervisor } from "../src/dashboard/supervisor.ts";
import { manyInstances, type Scene, Shown } from "../src/dashboard/testing.ts";
import { browser } from "../testbed/browser.ts";
import { kept, spread, table } from "./numbers.ts";

const COUNT = 200;
const ROUNDS = 5;
const MOST_MS = 50;

interface Round {
  readonly painted: number;
  readonly opened: number;
  readonly changed: number;
  readonly used: number;
}

/** What runs in the page is text: it has the browser's types and not ours. */
const OBSERVE = `globalThis.longTasks = [];
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "longtask", buffered: true });`;
/** The observer is told a little later. */
const LONGEST = `new Promise((resolve) => setTimeout(resolve, 300)).then(() => Math.max(0, ...longTasks.splice(0)))`;

/** Milliseconds of the longest task since it was asked last; 0 when none took over 50. */
const longest = async (page: Page): Promise<number> => Number(await page.evaluate(LONGEST));

const rows = (count: number): string => `tbody tr:nth-child(${count})`;

async function round(): Promise<Round> {
  const scene = manyInstances(COUNT);
  await using shown = await Shown.of(scene);
  const { server, access } = buildDashboard({
    ...{ supervisor: new Supervisor(shown.socket), usage: async (name) => scene.usage(name) },
    assets: readAssets(new URL("../dist/dashboard/page/", import.meta.url)),
  });
  const origin = await server.listen({ host: "127.0.0.1", port: 0 });
  const chromium = await browser();
  try {
    const page = await chromium.newPage({ viewport: { width: 1440, height: 900 } });
    await page.addInitScript({ content: OBSERVE });
    await page.goto(origin + access.link);
    await page.waitForURL(origin + access.base);
    await page.locator(rows(COUNT)).waitFor();
    const painted = Number(await page.evaluate("performance.now()"));
    const opened = await longest(page);
    return { painted, opened, changed: await everythingChanges(page, scene), used: await somebodyWorks(page) };
  } finally {
    await chromium.close();
    await server.close();
  }
}

/** Every instance at once, told by one event. */
async function everythingChanges(page: Page, scene: Scene): Promise<number> {
  scene.instances = scene.instances.map((each) => ({ ...each, state: "unhealthy", why: "its server answers late" }));
  scene.ring.add("info", { kind: "state", instance: "project-000", state: "unhealthy" }, "unhealthy");
  await page.getByText(`${COUNT} of ${COUNT} instances need a person.`).waitFor();
  return await longest(page);
}

async function somebodyWorks(page: Page): Promise<number> {
  await page.getByRole("button", { name: "Memory", exact: true }).click();
  await page.getByRole("button", { name: "Instance", exact: true }).click();
  await page.getByRole("searchbox").pressSequentially("project-19");
  await page.locator(rows(11)).waitFor({ state: "detached" });
  await page.getByRole("searchbox").fill("");
  await page.locator(rows(COUNT)).waitFor();
  return await longest(page);
}

export async function page(): Promise<string> {
  const rounds: Round[] = [];
  await round(); // to be warm
  for (let index = 0; index < ROUNDS; index++) rounds.push(await round());
  const row = (what: string, values: readonly number[]): string[] => [
    what,
    values.every((value) => value === 0) ? "none" : spread(values, 0, "ms"),
    kept(values, MOST_MS),
  ];
  return table([
    [`${COUNT} instances in headless Chromium`, "median (spread)", `no task over ${MOST_MS} ms`],
    [
      "navigation to all of them shown",
      spread(
        rounds.map(({ painted }) => painted),
        0,
        "ms",
      ),
      "",
    ],
    row(
      "longest task while it is opened",
      rounds.map(({ opened }) => opened),
    ),
    row(
      "… when all of them change at once",
      rounds.map(({ changed }) => changed),
    ),
    row(
      "… while somebody sorts and types",
      rounds.map(({ used }) => used),
    ),
  ]);
}

if (import.meta.main) console.log(await page());
