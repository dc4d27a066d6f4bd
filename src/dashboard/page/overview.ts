/** The first thing that is read: how all is, in one sentence; and how many are how. */
import { button, h, setAttribute, setText } from "./dom.ts";
import type { InstanceTable } from "./instances.ts";
import type { Model } from "./model.ts";
import { TONES, type Tone } from "./states.ts";
import { facts, ofTone, verdict } from "./words.ts";

export class Overview {
  readonly #verdict: HTMLElement;
  readonly #facts: HTMLElement;
  readonly #tiles: ReadonlyMap<Tone, { readonly tile: HTMLButtonElement; readonly many: HTMLElement }>;
  readonly #table: InstanceTable;

  constructor(parts: { verdict: HTMLElement; facts: HTMLElement; tiles: HTMLElement }, table: InstanceTable) {
    this.#verdict = parts.verdict;
    this.#facts = parts.facts;
    this.#table = table;
    this.#tiles = new Map(TONES.map(({ tone, title }) => [tone, this.#tile(tone, title)]));
    parts.tiles.append(...[...this.#tiles.values()].map(({ tile }) => tile));
  }

  render(model: Model): void {
    setText(this.#verdict, verdict(model.instances, model.status));
    setText(this.#facts, facts(model, Date.now()));
    for (const [tone, { tile, many }] of this.#tiles) {
      setText(many, model.instances === null ? "–" : String(ofTone(model.instances, tone)));
      setAttribute(tile, "data-none", many.textContent === "0");
      setAttribute(tile, "aria-pressed", this.#table.tone === tone ? "true" : "false");
    }
  }

  /** Pressed again it shows all. */
  #tile(tone: Tone, title: string) {
    const many = h("span", { class: "many" });
    const press = (): void => this.#table.list({ tone: this.#table.tone === tone ? null : tone });
    const words = h(
      "span",
      { class: "state", "data-tone": tone },
      h("span", { class: "mark", "aria-hidden": "true" }),
      title,
    );
    return { tile: button({ class: "tile", "data-tone": tone, "aria-pressed": "false" }, press, many, words), many };
  }
}
