/** The timeline of all instances to which something happened. */
import { button, h, linkTo } from "./dom.ts";
import { count } from "./format.ts";
import { axis, laneChart, legend } from "./lane.ts";
import { type Lane, lanesOf } from "./lanes.ts";
import type { Model } from "./model.ts";
import type { Store } from "./store.ts";

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

  render({ events, link }: Model): void {
    if (events === this.#drawn || link === "connecting") return;
    this.#drawn = events;
    const now = Date.now();
    const lanes = lanesOf(events, now, this.#span);
    this.element.replaceChildren(...(lanes.length === 0 ? [this.#nothing()] : this.#chart(lanes, now)));
  }

  #again(): void {
    this.#drawn = null;
    this.#store.changed();
  }

  #chart(lanes: readonly Lane[], now: number): Node[] {
    const shown = this.#isAll ? lanes : lanes.slice(0, FEW);
    const rows = shown.map((lane) =>
      h(
        "li",
        {},
        linkTo(lane.name),
        laneChart(lane, now - this.#span, now),
        h("span", { class: "times" }, times(lane)),
      ),
    );
    const more = lanes.length - shown.length;
    const all = button({ class: "plain" }, () => this.#all(), `Show ${count(more, "more instance")}`);
    return [h("ul", { class: "lanes" }, ...rows), axis(this.#span), legend(), ...(more > 0 ? [all] : [])];
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

const times = ({ restarts }: Lane): string => (restarts === 0 ? "" : `${restarts}×`);
