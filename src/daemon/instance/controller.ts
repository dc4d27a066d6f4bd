/**
 * One instance: holds its view and takes step after step until there is nothing to do. Instances know nothing of each
 * other, so that one that hangs or fails holds up no other.
 */
import type { Problem } from "../../spec/problem.ts";
import { blame } from "./blame.ts";
import { isGone, nextStep, type Step } from "./next-step.ts";
import { EXECUTORS, FROM_THE_START, type Line, lineOf, type Ports } from "./steps.ts";
import type { View } from "./view.ts";

export interface Listener {
  /** The view changed. */
  changed(view: View): void;
  /** A step could not be done. */
  blocked(view: View, step: Step, problem: Problem): void;
}

const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;

export const blankView = (name: string): View => ({
  name,
  wanted: null,
  held: true,
  main: null,
  setup: null,
  slice: null,
  policy: null,
  policyHash: null,
  installed: null,
  exempt: null,
  admitted: null,
  prepared: null,
  started: null,
  blocked: null,
  retry: false,
  ended: false,
  redone: false,
  rotated: [],
  health: { kind: "checking", last: null },
  killed: null,
  output: [],
  oomKills: 0,
});

export class Controller {
  #view: View;
  readonly #ports: Ports;
  readonly #listener: Listener;
  #running: Promise<void> | null = null;
  #waiters: (() => void)[] = [];
  #retryTimer: NodeJS.Timeout | null = null;
  #retryMs = RETRY_FIRST_MS;
  /** It is time to try again what it is blocked by; until that has gone well, the problem stays to be seen. */
  #again = false;
  /** A step is being taken: what it makes is not in the view yet. */
  #busy = false;

  constructor(name: string, ports: Ports, listener: Listener) {
    this.#view = blankView(name);
    this.#ports = ports;
    this.#listener = listener;
  }

  get view(): View {
    return this.#view;
  }

  /** Whether nothing of it is wanted and nothing is left. */
  get isGone(): boolean {
    return !this.#busy && isGone(this.#view);
  }

  /** Take in what was wanted or observed, and act on it. */
  update(change: Partial<View>): void {
    this.#set(change);
    this.kick();
  }

  /** Take in what was observed before acting begins. */
  observe(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
  }

  /** Go on with whatever is next. */
  kick(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      if (nextStep(this.#view) !== null) this.kick();
    });
  }

  /** Resolves once its policy is in the kernel, or it is gone, or cannot go on. */
  async policySettled(): Promise<void> {
    while (!this.#isSettled()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  close(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // let everything that changed in this tick be taken in first
    for (let step = this.#next(); step !== null; step = this.#next()) {
      const line = lineOf(step);
      await this.#ports.limit(line, () => this.#takeAll(line));
    }
  }

  /** Every step that waited in this line: whoever had a turn is ready for systemd before the next one begins. */
  async #takeAll(line: Line): Promise<void> {
    for (let step = this.#next(); step !== null && lineOf(step) === line; step = this.#next()) await this.#take(step);
  }

  #next(): Step | null {
    if (!this.#again) return nextStep(this.#view);
    const step = nextStep({ ...this.#view, blocked: null });
    if (step !== null) return step;
    this.#again = false;
    this.#set({ blocked: null });
    return null;
  }

  async #take(step: Step): Promise<void> {
    this.#again = false;
    this.observe(FROM_THE_START[step] ?? {});
    const before = this.#view;
    this.#busy = true;
    try {
      const change = await EXECUTORS[step](before, this.#ports, () => this.#view).finally(() => {
        this.#busy = false;
      });
      this.#retryMs = RETRY_FIRST_MS;
      this.#set({ blocked: null, ...change });
    } catch (error) {
      const problem = blame(before.name, step, error);
      this.#set({ blocked: problem });
      if (before.blocked?.what !== problem.what) this.#listener.blocked(this.#view, step, problem);
      this.#retryLater();
    }
  }

  #isSettled(): boolean {
    if (this.#view.blocked !== null) return true;
    if (this.#view.wanted === null) return this.isGone;
    const next = nextStep(this.#view);
    return next === null || next === "start";
  }

  #set(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
    this.#listener.changed(this.#view);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resume of waiters) resume();
  }

  #retryLater(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.#again = true;
      this.kick();
    }, this.#retryMs);
    this.#retryTimer.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }
}
