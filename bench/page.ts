/**
 * What the dashboard's page takes in headless Chromium with 200 instances: until all are painted, and how long its longest task
 * holds everything else up, when it is opened, when everything changes, and while a person sorts and types. From Chromium's own
 * trace of the page's main thread: by the clock, waiting for a core included, and in processor time. What is waited for, the
 * page writes to its console: looking into it from outside, as Playwright does, would be tasks of the page too.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { dashboardOf, manyInstances, type Scene } from "../src/dashboard/testing.ts";
import { browser } from "../testbed/browser.ts";
import { spread, table } from "./numbers.ts";

const COUNT = 200;
const OPENINGS = 20;
const MOST_MS = 50;

/** The longest of some tasks, in milliseconds. */
interface Longest {
  readonly clock: number;
  readonly processor: number;
}
interface Round {
  readonly painted: number;
  /** Chromium's own, before any of the page runs: it sets the document up, and what drives it its script. */
  readonly committed: Longest;
  readonly opened: Longest;
  readonly changed: Longest;
  readonly used: Longest;
}

/** What runs in the page is text: it has the browser's types and not ours. It writes what is shown whenever that changes. */
const TELL = `let told = "";
  const look = () => {
    requestAnimationFrame(look);
    const rows = document.getElementsByTagName("tbody")[0]?.rows.length ?? 0;
    const shown = rows + " " + document.getElementById("verdict")?.textContent;
    if (shown !== told) console.log(Math.round(performance.now()) + " " + (told = shown));
  };
  look();`;
/** What comes after what was waited for: the panels beside the table, and the rest of the rows. */
const REST_MS = 500;

/** Waits until so many rows are shown, and until the sentence above them is like this; milliseconds since the navigation. */
async function untilShown(page: Page, rows: number, sentence = /./): Promise<number> {
  const pattern = new RegExp(`^(\\d+) ${rows} .*${sentence.source}`);
  const message = await page.waitForEvent("console", (each) => pattern.test(each.text()));
  return Number(pattern.exec(message.text())?.[1]);
}

const Trace = Type.Object({
  traceEvents: Type.Array(
    Type.Object({
      name: Type.String(),
      pid: Type.Integer(),
      tid: Type.Integer(),
      ts: Type.Number({ description: "microseconds" }),
      dur: Type.Optional(Type.Number({ description: "microseconds by the clock" })),
      tdur: Type.Optional(Type.Number({ description: "microseconds of processor time" })),
      args: Type.Optional(
        Type.Object({
          name: Type.Optional(Type.Unknown()),
          data: Type.Optional(Type.Object({ url: Type.Optional(Type.Unknown()) })),
        }),
      ),
    }),
  ),
});
type Events = Static<typeof Trace>["traceEvents"];

/** Tasks of the page's main thread: of the one that commits the document, where that is in the trace, and of those after it. */
function tasksOf(events: Events, address: string): { readonly commit: Events; readonly page: Events } {
  const commit = events.find(({ name, args }) => name === "CommitLoad" && args?.data?.url === address);
  const mains = events.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const isMain = new Set(mains.map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = events.filter(({ name, pid, tid }) => name.endsWith("RunTask") && isMain.has(`${pid} ${tid}`));
  if (commit === undefined) return { commit: [], page: tasks };
  const own = tasks.filter(({ pid, ts, dur = 0 }) => pid === commit.pid && ts + dur >= commit.ts);
  return { commit: own.filter(({ ts }) => ts < commit.ts), page: own.filter(({ ts }) => ts >= commit.ts) };
}

const longestOf = (tasks: Events): Longest => {
  if (tasks.length === 0) throw new Error("Chromium's trace has no tasks of the page");
  const most = (durations: readonly number[]): number => Math.max(...durations) / 1000;
  return { clock: most(tasks.map(({ dur = 0 }) => dur)), processor: most(tasks.map(({ tdur = 0 }) => tdur)) };
};

/** Does a phase, and answers with the tasks that it took. */
async function traced(chromium: Browser, page: Page, address: string, phase: () => Promise<void>) {
  await chromium.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  await phase();
  await delay(REST_MS);
  const { traceEvents } = Value.Parse(Trace, JSON.parse((await chromium.stopTracing()).toString()));
  return tasksOf(traceEvents, address);
}

/** A browser that has been started and is at rest opens the page in a profile and a process of their own. */
async function round(chromium: Browser): Promise<Round> {
  const scene = manyInstances(COUNT);
  await using dashboard = await dashboardOf(scene);
  const context = await chromium.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    await page.addInitScript({ content: TELL });
    let painted = 0;
    const opened = await traced(chromium, page, dashboard.page, async () => {
      const all = untilShown(page, COUNT);
      await page.goto(dashboard.link);
      painted = await all;
    });
    const changed = await traced(chromium, page, dashboard.page, () => everythingChanges(page, scene));
    const used = await traced(chromium, page, dashboard.page, () => somebodyWorks(page));
    return {
      ...{ painted, committed: longestOf(opened.commit), opened: longestOf(opened.page) },
      ...{ changed: longestOf(changed.page), used: longestOf(used.page) },
    };
  } finally {
    await context.close();
  }
}

/** Every instance at once, told by one event. */
async function everythingChanges(page: Page, scene: Scene): Promise<void> {
  const all = untilShown(page, COUNT, new RegExp(`${COUNT} of ${COUNT} instances need a person`));
  scene.instances = scene.instances.map((each) => ({ ...each, state: "unhealthy", why: "its server answers late" }));
  scene.ring.add("info", { kind: "state", instance: "project-000", state: "unhealthy" }, "unhealthy");
  await all;
}

async function somebodyWorks(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Memory", exact: true }).click();
  await page.getByRole("button", { name: "Instance", exact: true }).click();
  await Promise.all([untilShown(page, 10), page.getByRole("searchbox").pressSequentially("project-19")]);
  await Promise.all([untilShown(page, COUNT), page.getByRole("searchbox").fill("")]);
}

export async function page(): Promise<string> {
  const rounds: Round[] = [];
  const chromium = await browser();
  try {
    await round(chromium); // to be warm
    for (let index = 0; index < OPENINGS; index++) rounds.push(await round(chromium));
  } finally {
    await chromium.close();
  }
  const row = (what: string, tasks: readonly Longest[], isOurs = true): string[] => {
    const [clock, processor] = [tasks.map((task) => task.clock), tasks.map((task) => task.processor)];
    const over = clock.filter((value) => value > MOST_MS).length;
    const isKept = over === 0 ? "yes" : `NO: ${over} of ${OPENINGS} over`;
    return [what, spread(clock, 0, "ms"), spread(processor, 0, "ms"), isOurs ? isKept : ""];
  };
  const painted = rounds.map((each) => each.painted);
  const of = (phase: "committed" | "opened" | "changed" | "used"): Longest[] => rounds.map((each) => each[phase]);
  return table([
    [`${COUNT} instances, opened ${OPENINGS} times`, "by the clock", "processor time", `none over ${MOST_MS} ms`],
    ["navigation to all of them shown", spread(painted, 0, "ms"), "", ""],
    row("task in which Chromium sets the document up", of("committed"), false),
    row("longest task of the page while it is opened", of("opened")),
    row("… when all of them change at once", of("changed")),
    row("… while somebody sorts and types", of("used")),
  ]);
}

if (import.meta.main) console.log(await page());
