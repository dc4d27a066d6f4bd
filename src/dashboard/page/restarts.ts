/** The timeline of all instances to which something happened. */
import { button, h, linkTo, replaceAll } from "./dom.ts";
import { count } from "./format.ts";
import { axis, laneChart, legend } from "./lane.ts";
import { type Lane, lanesOf } from "./lanes.ts";
import type { Model } from "./model.ts";
import type { Steps, Store } from "./store.ts";

const MINUTE = 60_000;
export const SPANS: readonly (readonly [span: number, words: string])[] = [
  [15 * MINUTE, "15 minutes"],
  [60 * MINUTE, "hour"],
  [6 * 60 * MINUTE, "6 hours"],
];
const FEW = 10;
/** The lanes move on as time does. */
const AGAIN_MS = 15_000;

export class Restarts {
  readonly element = h("div");
  readonly #store: Store;
  #span = 60 * MINUTE;
  #isAll = false;
  #drawn: Model["events"] | null = null;

  constructor(store: Store) {
    this.#store = store;
    setInterval(() => this.#again(), AGAIN_MS);
  }

  show(span: number): void {
    this.#span = span;
    this.#again();
  }

  *render({ events, link }: Model): Steps {
    if (events === this.#drawn || link === "connecting") return;
    this.#drawn = events;
    const [now, span] = [Date.now(), this.#span];
    const lanes = lanesOf(events, now, span);
    const shown = this.#isAll ? lanes : lanes.slice(0, FEW);
    const rows: Node[] = [];
    for (const lane of shown) {
      yield;
      rows.push(rowOf(lane, now - span, now));
    }
    const more = lanes.length - shown.length;
    const all = button({ class: "plain" }, () => this.#all(), `Show ${count(more, "more instance")}`);
    const chart = [h("ul", { class: "lanes" }, ...rows), axis(span), legend(), ...(more > 0 ? [all] : [])];
    replaceAll(this.element, ...(lanes.length === 0 ? [this.#nothing()] : chart));
  }

  #again(): void {
    this.#drawn = null;
    this.#store.changed();
  }

  #all(): void {
    this.#isAll = true;
    this.#again();
  }

  #nothing(): HTMLElement {
    const words = SPANS.find(([span]) => span === this.#span)?.[1] ?? "";
    return h("p", { class: "empty" }, `Nothing was started, restarted or failed in the last ${words}.`);
  }
}

const rowOf = (lane: Lane, since: number, now: number): HTMLLIElement =>
  h("li", {}, linkTo(lane.name), laneChart(lane, since, now), h("span", { class: "times" }, times(lane)));
const times = ({ restarts }: Lane): string => (restarts === 0 ? "" : `${restarts}×`);
