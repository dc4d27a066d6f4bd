/** What the page knows, and who draws it when it changes: at most once a frame, and never much in one. */
import type { Model } from "./model.ts";

type Render = (model: Model) => void;
/** Milliseconds of a frame that may go into views; the others have the next frame. */
const BUDGET_MS = 6;

export class Store {
  #model: Model = {
    ...{ host: "", link: "connecting", why: "", status: null, instances: null, blocked: null, events: [] },
    usage: new Map(),
  };
  readonly #views: Render[] = [];
  /** Views that have not drawn what is known now. */
  readonly #stale = new Set<Render>();

  get model(): Model {
    return this.#model;
  }

  set(part: Partial<Model>): void {
    this.#model = { ...this.#model, ...part };
    this.changed();
  }

  /** Have this view, or all, drawn again, though nothing but the time or the view has changed. */
  changed(...views: readonly Render[]): void {
    const isUnderWay = this.#stale.size > 0;
    for (const view of views.length === 0 ? this.#views : views) this.#stale.add(view);
    if (!isUnderWay && this.#stale.size > 0) requestAnimationFrame(() => this.#draw());
  }

  onChange(view: Render): void {
    this.#views.push(view);
    this.changed(view);
  }

  #draw(): void {
    const until = performance.now() + BUDGET_MS;
    for (const view of [...this.#stale]) {
      if (performance.now() > until) break;
      this.#stale.delete(view);
      view(this.#model);
    }
    if (this.#stale.size > 0) requestAnimationFrame(() => this.#draw());
  }
}
