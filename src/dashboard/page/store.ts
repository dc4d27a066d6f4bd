/**
 * What the page knows, and who draws it when it changes. Drawing is done in steps: as many as fit a few milliseconds, each
 * time after a frame, so that what the browser makes of them is a task of its own and neither holds anything up.
 */
import type { Model } from "./model.ts";

/** Each `yield` is where the rest may wait for the next frame. What was begun is ended, whatever changes meanwhile. */
export type Steps = Generator<undefined, void>;
export type View = (model: Model) => Steps;
/** Milliseconds between two frames that go into views. */
const BUDGET_MS = 4;

/** A view that takes no time to speak of. */
export const atOnce = (draw: (model: Model) => void): View =>
  function* (model) {
    draw(model);
    yield;
  };

export class Store {
  #model: Model = {
    ...{ host: "", link: "connecting", why: "", status: null, instances: null, blocked: null, events: [] },
    usage: new Map(),
  };
  readonly #views: View[] = [];
  /** Views that have not begun to draw what is known now. */
  readonly #stale = new Set<View>();
  #drawing: Steps | null = null;

  get model(): Model {
    return this.#model;
  }

  set(part: Partial<Model>): void {
    this.#model = { ...this.#model, ...part };
    this.changed();
  }

  /** Have all views drawn again, though nothing but the time or the view has changed. */
  changed(): void {
    const isUnderWay = this.#isUnderWay;
    for (const view of this.#views) this.#stale.add(view);
    if (!isUnderWay) this.#goOn();
  }

  onChange(view: View): void {
    this.#views.push(view);
    this.changed();
  }

  get #isUnderWay(): boolean {
    return this.#drawing !== null || this.#stale.size > 0;
  }

  #goOn(): void {
    if (this.#isUnderWay) requestAnimationFrame(() => setTimeout(() => this.#draw()));
  }

  #draw(): void {
    const until = performance.now() + BUDGET_MS;
    try {
      while (this.#isUnderWay && performance.now() < until) this.#step();
    } finally {
      this.#goOn();
    }
  }

  #step(): void {
    const drawing = this.#drawing ?? this.#next();
    this.#drawing = null; // one that throws is not gone on with
    if (drawing !== null && drawing.next().done !== true) this.#drawing = drawing;
  }

  #next(): Steps | null {
    for (const view of this.#stale) {
      this.#stale.delete(view);
      return view(this.#model);
    }
    return null;
  }
}
