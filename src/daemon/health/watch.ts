/**
 * Following each instance's server: probed until it is ready, and looked at for as long as it runs after that. What is found
 * is reported; what is done about it (`hung`: the server is killed, and systemd starts it again) is `next-step.ts`.
 */
import type { Health, View } from "../instance/view.ts";
import { FIRST, judge, type Pulse, spaced, type Verdict } from "./judge.ts";
import type { ProbeResult } from "./probe.ts";

/** Before the first try, and between the first two; opencode takes one to two seconds. Where nobody listens a try costs 10 µs. */
const FIRST_MS = 100;
const MOST_MS = 3000;
const GROWTH = 1.4;
/** Of each delay, so that instances that became ready together are not looked at together for ever. */
const JITTER = 0.2;
/**
 * A server that takes connections and does not answer, from its start on: it may be busy, or hang since an earlier daemon.
 * After so long it is looked at as one that was ready is.
 */
const SILENT_START_MS = 20_000;
/** When many seem to hang at once it may be the host: no more than one each so often is reported. */
const BETWEEN_HUNG_MS = 2000;

export interface HealthPorts {
  readonly probe: (view: View) => Promise<ProbeResult>;
  /** Looks at the run of a server that is ready. */
  readonly pulse: (view: View) => (patienceMs: number) => Promise<Pulse>;
  readonly report: (name: string, health: Health) => void;
  /** A run that began since this follows has answered well for the first time, so many seconds after its start. */
  readonly started: (seconds: number) => void;
  /** Resolves so many milliseconds later. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

type Ready = Health & { readonly kind: "ready" };

export class HealthWatch {
  readonly #ports: HealthPorts;
  /** The run being followed, by instance. */
  readonly #runs = new Map<string, string>();
  readonly #begun = Promise.withResolvers<void>();
  /** Milliseconds since the epoch. */
  readonly #since = Date.now();
  #lastHung = Number.NEGATIVE_INFINITY;

  constructor(ports: HealthPorts) {
    this.#ports = ports;
  }

  /** Nobody is asked before this: hundreds of answers would hold up whoever has more to do first. */
  begin(): void {
    this.#begun.resolve();
  }

  /** Follow the instance's present run; a run that was followed before is left alone. */
  follow(view: View): void {
    const run =
      view.main?.active === "active" && view.main.mainPid > 0 ? `${view.main.mainPid}@${view.main.since}` : null;
    if (run === (this.#runs.get(view.name) ?? null)) return;
    if (run === null) this.#runs.delete(view.name);
    else this.#runs.set(view.name, run);
    this.#ports.report(view.name, { kind: "checking", last: null });
    if (run !== null) void this.#run(view, run);
  }

  /** Stop following everything. */
  close(): void {
    this.#runs.clear();
  }

  async #run(view: View, run: string): Promise<void> {
    await this.#begun.promise;
    const age = Date.now() - (view.main?.since ?? 0) / 1000;
    if (age >= 0 && age < FIRST_MS) await this.#ports.pause(FIRST_MS - age); // nobody listens so soon
    const pulse = this.#ports.pulse(view);
    for (let goesOn = true; goesOn; ) {
      const ready = await this.#untilReady(view, run);
      goesOn = ready !== null && (await this.#whileRunning(view, run, ready === "silent" ? null : ready, pulse));
    }
  }

  #isOver = (view: View, run: string): boolean => this.#runs.get(view.name) !== run;

  /** Null when the run is over. */
  async #untilReady(view: View, run: string): Promise<Ready | "silent" | null> {
    const { probe, report, pause } = this.#ports;
    let last: string | null = null;
    let silentSince: number | null = null;
    for (let delay = FIRST_MS; ; delay = Math.min(delay * GROWTH, MOST_MS)) {
      const result = await probe(view);
      if (this.#isOver(view, run)) return null;
      if (result.ready) {
        const ready = { kind: "ready", version: result.version, since: Date.now() } as const;
        report(view.name, ready);
        this.#tellStart(view, ready);
        return ready;
      }
      if (result.why !== last) report(view.name, { kind: "checking", last: result.why });
      last = result.why;
      silentSince = result.silent === true ? (silentSince ?? performance.now()) : null;
      if (silentSince !== null && performance.now() - silentSince > SILENT_START_MS) return "silent";
      await pause(delay);
      if (this.#isOver(view, run)) return null;
    }
  }

  #tellStart({ main }: View, { since }: Ready): void {
    const began = (main?.since ?? 0) / 1000;
    if (began >= this.#since) this.#ports.started(Math.max(0, since - began) / 1000);
  }

  /** False when the run is over; true when it was not ready before and answers now. */
  async #whileRunning(view: View, run: string, ready: Ready | null, pulse: ReturnType<HealthPorts["pulse"]>) {
    const { report, pause } = this.#ports;
    let course = FIRST;
    let told = "";
    for (;;) {
      await pause(spaced(course, this.#runs.size) * (1 + JITTER * (Math.random() * 2 - 1)));
      if (this.#isOver(view, run)) return false;
      const seen = await pulse(course.patience);
      if (this.#isOver(view, run)) return false;
      const judged = judge(course, seen);
      course = judged.course;
      const why = "why" in seen ? seen.why : "";
      if (ready === null && (seen.kind === "alive" || seen.kind === "sick")) return true;
      const health = this.#told(judged.verdict, why, ready);
      // Said again each time that it hangs: it may not have been possible to kill it. Should it answer after all, it is ready.
      if (health === null || (health.kind !== "hung" && why === told)) continue;
      told = why;
      report(view.name, health);
    }
  }

  /** What there is to tell after a look; null: nothing. */
  #told(verdict: Verdict, why: string, ready: Ready | null): Health | null {
    if (verdict === "hung" && this.#mayBeHung()) return { kind: "hung", why };
    if (verdict === "undecided" || ready === null) return null;
    return verdict === "well" ? ready : { ...ready, kind: "unhealthy", why };
  }

  #mayBeHung(): boolean {
    const now = performance.now();
    if (now - this.#lastHung < BETWEEN_HUNG_MS) return false;
    this.#lastHung = now;
    return true;
  }
}
