/** A lane: the states of one instance over time as bands, its restarts and failures as marks. */
import { h, svg } from "./dom.ts";
import { clock, count, duration } from "./format.ts";
import type { Lane, Mark } from "./lanes.ts";
import { shownState } from "./states.ts";

const KINDS: Readonly<Record<Mark["kind"], string>> = {
  restart: "restarted",
  failure: "failed",
  blocked: "a step could not be done",
};

/** `since` and `now`: what the left and the right edge stand for. */
export function laneChart({ name, segments, marks, restarts }: Lane, since: number, now: number): SVGSVGElement {
  const percent = (at: number): string => `${(((at - since) / (now - since)) * 100).toFixed(2)}%`;
  const bands = segments.map(({ from, to, state }) => {
    const { tone, word } = shownState(state);
    const width = `${(((to - from) / (now - since)) * 100).toFixed(2)}%`;
    const title = svg(
      "title",
      {},
      `${word} for ${duration(to - from)}, until ${clock(new Date(to).toISOString(), now)}`,
    );
    return svg(
      "rect",
      { class: `band ${tone}`, x: percent(from), width, y: bandTop(tone), height: bandHeight(tone) },
      title,
    );
  });
  const ticks = marks.map(({ at, kind, message }) => {
    const title = svg("title", {}, `${clock(new Date(at).toISOString(), now)}: ${message}`);
    return kind === "restart"
      ? svg("rect", { class: "tick", x: percent(at), y: 1, width: 2.5, height: 22, rx: 1 }, title)
      : svg("circle", { class: `dot ${kind}`, cx: percent(at), cy: 12, r: 4.5 }, title);
  });
  const label = `${name}: ${count(restarts, "restart")}${problems(marks)}, now ${shownState(segments.at(-1)?.state ?? "unknown").word}`;
  return svg("svg", { class: "lane", role: "img", "aria-label": label, height: 24 }, ...bands, ...ticks);
}

/** Bands differ in height too: what is wrong is the highest. */
const HEIGHTS: Readonly<Record<string, number>> = { good: 6, busy: 10, bad: 14, off: 2 };
const bandHeight = (tone: string): number => HEIGHTS[tone] ?? 6;
const bandTop = (tone: string): number => 12 - bandHeight(tone) / 2;

function problems(marks: readonly Mark[]): string {
  const failures = marks.filter(({ kind }) => kind !== "restart").length;
  return failures === 0 ? "" : `, ${count(failures, "failure")}`;
}

/** What the ends of the lanes stand for. */
export const axis = (span: number): HTMLElement =>
  h(
    "div",
    { class: "axis", "aria-hidden": "true" },
    ...[span, span * 0.75, span / 2, span / 4].map((before) => h("span", {}, `−${duration(before)}`)),
    h("span", {}, "now"),
  );

export const legend = (): HTMLElement =>
  h(
    "p",
    { class: "legend", "aria-hidden": "true" },
    ...Object.entries(KINDS).map(([kind, words]) => h("span", { class: `key ${kind}` }, words)),
  );
