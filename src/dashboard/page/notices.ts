/** What stands above everything else: that what is shown is old, and what of the host needs a person. */
import { h, setProse, setText } from "./dom.ts";
import type { Model } from "./model.ts";
import { LINKS, type Notice, noticesOf } from "./words.ts";

export class Notices {
  readonly #element: HTMLElement;
  readonly #link: HTMLElement;
  #drawn = "";

  constructor(element: HTMLElement, link: HTMLElement) {
    this.#element = element;
    this.#link = link;
  }

  render(model: Model): void {
    setText(this.#link, LINKS[model.link]);
    this.#link.dataset.link = model.link;
    const notices = noticesOf(model);
    const drawn = JSON.stringify(notices);
    if (drawn === this.#drawn) return; // a screen reader would say it again
    this.#drawn = drawn;
    this.#element.replaceChildren(...notices.map(noticeElement));
  }
}

function noticeElement({ tone, title, text }: Notice): HTMLElement {
  const words = h("span");
  setProse(words, text);
  return h("p", { class: "notice", "data-tone": tone }, h("strong", {}, `${title}. `), words);
}
