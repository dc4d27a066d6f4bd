/** The last events, for those who ask and those who follow. Bounded in number and in size: what an agent does makes events. */
import { plain } from "../text.ts";
import type { SupervisorEvent } from "./model.ts";

export type Severity = "info" | "warning" | "error";
export type Fields = Readonly<Record<string, unknown>> & { readonly kind: string; readonly instance?: string | null };

const KEPT = 512;
const MESSAGE_MOST = 1000;
const FIELD_MOST = 200;

/** Where a follower goes on: the number of the next event, and whether some before it can no longer be had. */
export interface Position {
  readonly next: number;
  readonly missed: boolean;
}

export class EventRing {
  readonly #run: string;
  readonly #kept: number;
  readonly #events: SupervisorEvent[] = [];
  readonly #followers = new Set<() => void>();
  /** Number of the oldest event that is kept; they are counted from 1. */
  #first = 1;

  /** `run` tells the events of one run of the daemon from those of another: their numbers begin anew. */
  constructor(run: string, kept: number = KEPT) {
    this.#run = run;
    this.#kept = kept;
  }

  get first(): number {
    return this.#first;
  }

  /** Number of the next event. */
  get next(): number {
    return this.#first + this.#events.length;
  }

  add(severity: Severity, { kind, instance = null, ...rest }: Fields, message: string): void {
    this.#events.push({
      id: `${this.#run}-${this.next}`,
      at: new Date().toISOString(),
      ...{ kind, severity, instance, message: plain(message, MESSAGE_MOST) },
      fields: Object.fromEntries(
        Object.entries(rest).flatMap(([key, value]) => (value == null ? [] : [[key, short(value)]])),
      ),
    });
    if (this.#events.length > this.#kept) {
      this.#events.shift();
      this.#first++;
    }
    for (const follower of this.#followers) follower();
  }

  /** The event of this number; undefined for one that is not kept any more or not there yet. */
  at(number: number): SupervisorEvent | undefined {
    return this.#events[number - this.#first];
  }

  all(): readonly SupervisorEvent[] {
    return this.#events;
  }

  /** After the event of this id (`Last-Event-ID`); null is "from now on". */
  after(id: string | null): Position {
    if (id === null) return { next: this.next, missed: false };
    const number = /^\d{1,15}$/.test(id.slice(this.#run.length + 1)) ? Number(id.slice(this.#run.length + 1)) : 0;
    const isOurs = id.startsWith(`${this.#run}-`) && number >= this.#first - 1 && number < this.next;
    return isOurs ? { next: number + 1, missed: false } : { next: this.#first, missed: true };
  }

  /** Told after each new event. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

const short = (value: unknown): string | number | boolean =>
  typeof value === "number" || typeof value === "boolean"
    ? value
    : plain(typeof value === "string" ? value : JSON.stringify(value), FIELD_MOST);
