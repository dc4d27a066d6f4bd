/** State and policy as a mark and a word: never colour alone. */
import { h, setAttribute, setText } from "./dom.ts";
import type { Shown } from "./states.ts";

export class Mark {
  readonly element = h("span", { class: "state" });
  readonly #word = h("span");

  constructor(shown?: Shown) {
    this.element.append(h("span", { class: "mark", "aria-hidden": "true" }), this.#word);
    if (shown !== undefined) this.show(shown);
  }

  show({ tone, word }: Shown): void {
    setAttribute(this.element, "data-tone", tone);
    setText(this.#word, word);
  }
}
