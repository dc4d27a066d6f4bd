/** The last lines of an instance, and those that come. */

import type { Answers } from "../model.ts";
import { ask, NotAnswered } from "./api.ts";
import { h, timeOf } from "./dom.ts";
import { clock } from "./format.ts";

type Line = Answers["logs"]["lines"][number];
const AGAIN_MS = 2000;
const KEPT = 500;
/** syslog(3): err and worse. */
const ERROR = 3;
/** As near to the end as this many pixels, it stays at the end. */
const NEAR = 40;

export class Log {
  readonly element: HTMLElement;
  readonly #name: string;
  readonly #list = h("ol", {});
  readonly #empty = h("p", { class: "empty" }, "Asking for its last lines…");
  readonly #timer: ReturnType<typeof setInterval>;
  #cursor: string | null = null;
  #isAsking = false;

  constructor(name: string) {
    this.#name = name;
    this.element = h(
      "div",
      { class: "log", tabindex: "0", role: "region", "aria-label": `Last lines of ${name}` },
      this.#list,
      this.#empty,
    );
    this.#timer = setInterval(() => void this.#read(), AGAIN_MS);
    void this.#read();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    if (this.#isAsking || document.visibilityState !== "visible") return;
    this.#isAsking = true;
    try {
      const { lines, cursor } = await ask("logs", this.#name, this.#cursor);
      this.#cursor = cursor;
      this.#add(lines);
      this.#empty.textContent = "Nothing of it is in the journal.";
    } catch (error) {
      if (!(error instanceof NotAnswered)) throw error;
      this.#empty.textContent = `Its lines cannot be read: ${error.message}.`;
    } finally {
      this.#isAsking = false;
      this.#empty.hidden = this.#list.childElementCount > 0;
    }
  }

  #add(lines: readonly Line[]): void {
    if (lines.length === 0) return;
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    const now = Date.now();
    this.#list.append(...lines.map((line) => lineOf(line, now)));
    while (this.#list.childElementCount > KEPT) this.#list.firstElementChild?.remove();
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }
}

function lineOf({ at, unit, priority, message }: Line, now: number): HTMLLIElement {
  const isError = priority <= ERROR;
  const from = unit.endsWith("-setup.service") ? "setup" : isError ? "error" : null;
  return h(
    "li",
    { class: isError ? "bad" : null },
    timeOf(at, clock(at, now)),
    from === null ? null : h("em", {}, from),
    h("span", {}, message),
  );
}
