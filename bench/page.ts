/**
 * What the dashboard's page takes in headless Chromium with 200 instances: until all are painted, and how long its longest task
 * holds everything else up, when it is opened, when everything changes, and while a person sorts and types. By the clock, as
 * PerformanceObserver says it (`longtask`: whatever takes more than 50 ms, waiting for a core included), and in processor time
 * of the page's main thread, from Chromium's own trace.
 */
import type { Browser, Page } from "playwright-core";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { dashboardOf, manyInstances, type Scene } from "../src/dashboard/testing.ts";
import { browser } from "../testbed/browser.ts";
import { kept, spread, table } from "./numbers.ts";

const COUNT = 200;
const ROUNDS = 5;
const MOST_MS = 50;

/** The longest task of a phase, in milliseconds: by the clock, 0 for none over 50; and in processor time. */
interface Longest {
  readonly clock: number;
  readonly processor: number;
}
interface Round {
  readonly painted: number;
  readonly opened: Longest;
  readonly changed: Longest;
  readonly used: Longest;
}

/** What runs in the page is text: it has the browser's types and not ours. */
const OBSERVE = `globalThis.longTasks = [];
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "longtask", buffered: true });
  globalThis.allShown = 0;
  const look = () => {
    if (document.querySelectorAll("tbody tr").length < ${COUNT}) requestAnimationFrame(look);
    else allShown = performance.now();
  };
  look();`;
/** The observer is told a little later. */
const PAINTED = "allShown";
const LONGEST = `new Promise((resolve) => setTimeout(resolve, 300)).then(() => Math.max(0, ...longTasks.splice(0)))`;

const Trace = Type.Object({
  traceEvents: Type.Array(
    Type.Object({
      name: Type.String(),
      pid: Type.Integer(),
      tid: Type.Integer(),
      tdur: Type.Optional(Type.Number({ description: "microseconds of processor time" })),
      args: Type.Optional(Type.Object({ name: Type.Optional(Type.Unknown()) })),
    }),
  ),
});

/** Does a phase, and answers with its longest task on a page's main thread. */
async function longest(chromium: Browser, page: Page, phase: () => Promise<void>): Promise<Longest> {
  await chromium.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  await phase();
  const clock = Number(await page.evaluate(LONGEST));
  const { traceEvents } = Value.Parse(Trace, JSON.parse((await chromium.stopTracing()).toString()));
  const mains = traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const isMain = new Set(mains.map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith("RunTask") && isMain.has(`${pid} ${tid}`));
  if (tasks.length === 0) throw new Error("Chromium's trace has no tasks");
  return { clock, processor: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000 };
}

const rows = (count: number): string => `tbody tr:nth-child(${count})`;

async function round(): Promise<Round> {
  const scene = manyInstances(COUNT);
  await using dashboard = await dashboardOf(scene);
  const chromium = await browser();
  try {
    const page = await chromium.newPage({ viewport: { width: 1440, height: 900 } });
    await page.addInitScript({ content: OBSERVE });
    const opened = await longest(chromium, page, async () => {
      await page.goto(dashboard.link);
      await page.waitForURL(dashboard.page);
      await page.locator(rows(COUNT)).waitFor();
    });
    const painted = Number(await page.evaluate(PAINTED));
    const changed = await longest(chromium, page, () => everythingChanges(page, scene));
    return { painted, opened, changed, used: await longest(chromium, page, () => somebodyWorks(page)) };
  } finally {
    await chromium.close();
  }
}

/** Every instance at once, told by one event. */
async function everythingChanges(page: Page, scene: Scene): Promise<void> {
  scene.instances = scene.instances.map((each) => ({ ...each, state: "unhealthy", why: "its server answers late" }));
  scene.ring.add("info", { kind: "state", instance: "project-000", state: "unhealthy" }, "unhealthy");
  await page.getByText(`${COUNT} of ${COUNT} instances need a person.`).waitFor();
}

async function somebodyWorks(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Memory", exact: true }).click();
  await page.getByRole("button", { name: "Instance", exact: true }).click();
  await page.getByRole("searchbox").pressSequentially("project-19");
  await page.locator(rows(11)).waitFor({ state: "detached" });
  await page.getByRole("searchbox").fill("");
  await page.locator(rows(COUNT)).waitFor();
}

export async function page(): Promise<string> {
  const rounds: Round[] = [];
  await round(); // to be warm
  for (let index = 0; index < ROUNDS; index++) rounds.push(await round());
  const row = (what: string, tasks: readonly Longest[]): string[] => {
    const [clock, processor] = [tasks.map((task) => task.clock), tasks.map((task) => task.processor)];
    const most = clock.every((value) => value === 0) ? `none over ${MOST_MS} ms` : spread(clock, 0, "ms");
    return [what, most, spread(processor, 0, "ms"), `${kept(clock, MOST_MS)}, ${kept(processor, MOST_MS)}`];
  };
  const painted = rounds.map((each) => each.painted);
  return table([
    [`${COUNT} instances in headless Chromium`, "by the clock", "processor time", `at most ${MOST_MS} ms`],
    ["navigation to all of them shown", spread(painted, 0, "ms"), "", ""],
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
