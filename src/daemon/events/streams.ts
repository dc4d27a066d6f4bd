/**
 * Followers of the events: server-sent events (the HTML standard, "Server-sent events"). Nobody has a queue of his own: each
 * has a place in the ring and is written to as far as he reads, so that a slow one costs a few KB and is told what he missed.
 */
import type { ServerResponse } from "node:http";
import type { SupervisorEvent } from "./model.ts";
import type { EventRing } from "./ring.ts";

/** How many may follow at once. */
export const STREAMS_MOST = 1000;
/** A sign of life, so that who follows knows that it still does; less than the API's inactivity limit. */
const HEARTBEAT_MS = 15_000;
const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
  // Nothing comes after the stream; and when it is ended, the connection is not waited for.
  connection: "close",
};

interface Follower {
  readonly response: ServerResponse;
  readonly instance: string | null;
  next: number;
  isFull: boolean;
}

export class EventStreams {
  readonly #ring: EventRing;
  readonly #most: number;
  readonly #followers = new Set<Follower>();
  readonly #unfollow: () => void;
  #heartbeat: NodeJS.Timeout | null = null;
  #last: { readonly event: SupervisorEvent; readonly text: string } | null = null;

  constructor(ring: EventRing, most: number = STREAMS_MOST) {
    this.#ring = ring;
    this.#most = most;
    this.#unfollow = ring.follow(() => {
      for (const follower of this.#followers) this.#write(follower);
    });
  }

  get isFull(): boolean {
    return this.#followers.size >= this.#most;
  }

  get count(): number {
    return this.#followers.size;
  }

  /**
   * Writes events until the client goes, from after the one it saw last on.
   * @param lastId its `Last-Event-ID`; null for "from now on"
   * @param instance only this one's; null for all
   */
  add(response: ServerResponse, lastId: string | null, instance: string | null): void {
    const { next, missed } = this.#ring.after(lastId);
    const follower: Follower = { response, instance, next, isFull: false };
    response.writeHead(200, HEADERS);
    response.write(`retry: 1000\n\n${missed ? MISSED : ""}`);
    this.#followers.add(follower);
    response.once("close", () => void this.#followers.delete(follower));
    response.on("error", () => void this.#followers.delete(follower));
    response.on("drain", () => {
      follower.isFull = false;
      this.#write(follower);
    });
    this.#write(follower);
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  close(): void {
    this.#unfollow();
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    for (const { response } of this.#followers) response.end();
  }

  #write(follower: Follower): void {
    if (follower.next < this.#ring.first) {
      follower.next = this.#ring.first;
      this.#send(follower, MISSED);
    }
    while (!follower.isFull && follower.next < this.#ring.next) {
      const event = this.#ring.at(follower.next++);
      if (event === undefined || (follower.instance !== null && event.instance !== follower.instance)) continue;
      this.#send(follower, this.#textOf(event));
    }
  }

  /** Followers are told of the same event one after the other: its text is made once. */
  #textOf(event: SupervisorEvent): string {
    if (this.#last?.event !== event)
      this.#last = { event, text: `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n` };
    return this.#last.text;
  }

  #send(follower: Follower, text: string): void {
    if (!follower.response.write(text)) follower.isFull = true;
  }

  #beat(): void {
    for (const { response, isFull } of this.#followers) if (!isFull) response.write(":\n\n");
  }
}

/** Said to one who was away for longer than events are kept, or slower than they came. */
const MISSED =
  'event: missed\ndata: {"why":"events before the next one are no longer kept here; the journal has them"}\n\n';
