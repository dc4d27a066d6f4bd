/** Probing each instance from the moment its server runs until it is ready; one run of one server is probed to readiness once. */
import type { Health, View } from "../instance/view.ts";
import type { ProbeResult } from "./probe.ts";

/** Between the first two tries; opencode takes one to two seconds. */
const FIRST_MS = 200;
const MOST_MS = 3000;
const GROWTH = 1.3;

export class HealthWatch {
  readonly #probe: (view: View) => Promise<ProbeResult>;
  readonly #report: (name: string, health: Health) => void;
  /** The run being followed, by instance. */
  readonly #runs = new Map<string, string>();

  constructor(probe: (view: View) => Promise<ProbeResult>, report: (name: string, health: Health) => void) {
    this.#probe = probe;
    this.#report = report;
  }

  /** Follow the instance's present run; a run that was followed before is left alone. */
  follow(view: View): void {
    const run =
      view.main?.active === "active" && view.main.mainPid > 0 ? `${view.main.mainPid}@${view.main.since}` : null;
    if (run === (this.#runs.get(view.name) ?? null)) return;
    if (run === null) this.#runs.delete(view.name);
    else this.#runs.set(view.name, run);
    this.#report(view.name, { kind: "checking", last: null });
    if (run !== null) void this.#untilReady(view, run);
  }

  /** Stop following everything. */
  close(): void {
    this.#runs.clear();
  }

  async #untilReady(view: View, run: string): Promise<void> {
    let last: string | null = null;
    for (let delay = FIRST_MS; this.#runs.get(view.name) === run; delay = Math.min(delay * GROWTH, MOST_MS)) {
      const result = await this.#probe(view);
      if (this.#runs.get(view.name) !== run) return;
      if (result.ready) {
        this.#report(view.name, { kind: "ready", version: result.version, since: Date.now() });
        return;
      }
      if (result.why !== last) this.#report(view.name, { kind: "checking", last: result.why });
      last = result.why;
      await new Promise((resolve) => setTimeout(resolve, delay).unref());
    }
  }
}
