/** Keeps the store as things are: everything once, then what the events say has changed, and what no event tells from time to time. */
import type { SupervisorEvent } from "../../daemon/events/model.ts";
import type { BlockedReport } from "../model.ts";
import { ask, NotAnswered } from "./api.ts";
import type { Store } from "./store.ts";
import { withReading } from "./usage.ts";

const SOON_MS = 300;
const USAGE_MS = 5000;
/** What changes without an event: a pid, when a policy was last observed. */
const REREAD_MS = 20_000;
/** The server says something every ten seconds. */
const SILENT_MS = 35_000;
const EVENTS_KEPT = 2000;

/** What each kind of event makes stale. */
const STALE: Readonly<Record<string, readonly Part[]>> = {
  refused: ["blocked"],
  repaired: ["status"],
  trouble: ["status"],
  unobserved: ["instances"],
};
const USUALLY: readonly Part[] = ["instances", "status"];
type Part = "status" | "instances" | "blocked";

export class Live {
  readonly #store: Store;
  readonly #due = new Set<Part>();
  #heard = performance.now();
  #source: EventSource | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  async start(): Promise<void> {
    await this.#try(async () => this.#store.set({ host: (await ask("about")).host }));
    await this.#everything();
    this.#follow();
    setInterval(() => this.#isSeen() && void this.#try(() => this.#usage()), USAGE_MS);
    setInterval(() => this.#isSeen() && void this.#reread(["status", "instances", "blocked"]), REREAD_MS);
    setInterval(() => this.#listen(), SILENT_MS / 5);
    document.addEventListener("visibilitychange", () => this.#isSeen() && void this.#everything());
  }

  #isSeen(): boolean {
    return document.visibilityState === "visible" && this.#store.model.link !== "ended";
  }

  async #everything(): Promise<void> {
    await Promise.all([
      this.#reread(["status", "instances", "blocked"]),
      this.#try(async () => this.#add((await ask("events")).events)),
    ]);
    await this.#try(() => this.#usage());
  }

  async #usage(): Promise<void> {
    const reading = await ask("usage");
    this.#store.set({ usage: withReading(this.#store.model.usage, reading) });
  }

  async #reread(parts: readonly Part[]): Promise<void> {
    await Promise.all(parts.map((part) => this.#try(() => this.#read(part))));
  }

  async #read(part: Part): Promise<void> {
    if (part === "status") this.#store.set({ status: await ask("status") });
    if (part === "instances") this.#store.set({ instances: (await ask("instances")).instances });
    if (part === "blocked") this.#blocked((await ask("blocked")).instances);
  }

  /** What a person is reading or has selected is left alone until it differs. */
  #blocked(read: readonly BlockedReport[]): void {
    if (JSON.stringify(read) !== JSON.stringify(this.#store.model.blocked)) this.#store.set({ blocked: read });
  }

  /** What was shown stays when there is no answer; the page says that it is old. */
  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof NotAnswered)) throw error;
      if (error.isOver) this.#store.set({ link: "ended" });
      else if (this.#store.model.link !== "ended") this.#store.set({ link: "away", why: error.message });
    }
  }

  #follow(): void {
    const last = this.#store.model.events.at(-1)?.id;
    const source = new EventSource(
      `api/events/stream${last === undefined ? "" : `?after=${encodeURIComponent(last)}`}`,
    );
    this.#source = source;
    const on = (name: string, does: (data: string) => void): void =>
      source.addEventListener(name, ({ data }: MessageEvent<unknown>) => {
        this.#heard = performance.now();
        does(String(data));
      });
    on("beat", () => undefined);
    on("missed", () => void this.#everything());
    on("here", () => this.#here());
    on("away", (data) => {
      const { why }: { why: string } = JSON.parse(data);
      this.#store.set({ link: "away", why });
    });
    on("event", (data) => this.#event(JSON.parse(data)));
    source.addEventListener("error", () => this.#store.set({ link: "ended" }));
  }

  /** The daemon answers, perhaps another run of it. */
  #here(): void {
    const was = this.#store.model.link;
    this.#store.set({ link: "live", why: "" });
    if (was !== "live") void this.#everything();
  }

  #event(event: SupervisorEvent): void {
    this.#add([event]);
    const isUnderWay = this.#due.size > 0;
    for (const part of STALE[event.kind] ?? USUALLY) this.#due.add(part);
    if (isUnderWay) return;
    setTimeout(() => {
      const parts = [...this.#due];
      this.#due.clear();
      void this.#reread(parts);
    }, SOON_MS);
  }

  /** Events that are known already are left out: a stream that goes on may tell one again. */
  #add(events: readonly SupervisorEvent[]): void {
    const known = new Set(this.#store.model.events.map(({ id }) => id));
    const added = events.filter(({ id }) => !known.has(id));
    if (added.length > 0) this.#store.set({ events: [...this.#store.model.events, ...added].slice(-EVENTS_KEPT) });
  }

  /** A tunnel may die without a word; a browser gives up on a stream that is refused. */
  #listen(): void {
    const isDead = this.#source?.readyState === EventSource.CLOSED || performance.now() - this.#heard > SILENT_MS;
    if (!isDead) return;
    this.#store.set({ link: "ended" });
    this.#source?.close();
    void this.#try(async () => {
      await ask("about");
      this.#heard = performance.now();
      this.#follow();
    });
  }
}
