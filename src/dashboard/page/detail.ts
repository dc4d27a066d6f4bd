/** One instance: how it is and why, what it uses, what happened to it, what it was refused, what it wrote. */
import type { InstanceDetail, InstanceStatus } from "../../daemon/api/model.ts";
import type { SupervisorEvent } from "../../daemon/events/model.ts";
import { ask, NotAnswered } from "./api.ts";
import { Blocked, type Forms } from "./blocked.ts";
import { h, setProse, setText, timeOf } from "./dom.ts";
import { ago, bytes, clock, endpoint, NOTHING, percent } from "./format.ts";
import { axis, laneChart, legend } from "./lane.ts";
import { laneOf } from "./lanes.ts";
import { Log } from "./log.ts";
import { Mark } from "./mark.ts";
import type { Model } from "./model.ts";
import { spark } from "./spark.ts";
import { shownPolicy, shownState } from "./states.ts";
import type { Steps, Store } from "./store.ts";

const SPAN = 3_600_000;
const EVENTS_SHOWN = 30;

export class Detail {
  readonly element = h("article", { class: "detail" });
  readonly name: string;
  readonly title: HTMLHeadingElement;
  readonly #state = new Mark();
  readonly #why = h("p", { class: "reason" });
  readonly #output = h("pre", { class: "output", tabindex: "0", "aria-label": "What it said at the end" });
  readonly #facts = h("dl", { class: "facts" });
  readonly #meters = h("div", { class: "meters" });
  readonly #happened = h("div", {});
  readonly #store: Store;
  readonly #blocked: Blocked;
  readonly #log: Log;
  #detail: InstanceDetail | null = null;
  #read = "";

  constructor(name: string, store: Store, forms: Forms) {
    this.name = name;
    this.#store = store;
    this.title = h("h1", { tabindex: "-1" }, name);
    this.#blocked = new Blocked(store, forms, name);
    this.#log = new Log(name);
    const back = h("a", { class: "back", href: "#/" }, "← All instances");
    const head = h("div", { class: "detail-head" }, this.title, this.#state.element);
    const side = h(
      "div",
      { class: "aside" },
      panel("Restarts in the last hour", this.#happened),
      panel("Blocked destinations", this.#blocked.element),
    );
    const facts = panel("Facts", this.#facts);
    facts.classList.add("last"); // where there is one column
    const main = h("div", { class: "stack" }, panel("Log", this.#log.element), facts);
    this.element.append(back, head, this.#why, this.#output, this.#meters, h("div", { class: "columns" }, main, side));
  }

  close(): void {
    this.#log.close();
  }

  *render(model: Model): Steps {
    const instance = model.instances?.find(({ name }) => name === this.name);
    if (instance === undefined) {
      this.#state.show({ tone: "off", word: model.instances === null ? "Not known yet" : "Gone" });
      setText(this.#why, model.instances === null ? "" : "There is no instance of this name, in the file or running.");
    } else this.#show(instance, model);
    this.#output.hidden = (instance?.output.length ?? 0) === 0;
    yield;
    this.#showEvents(model);
    yield* this.#blocked.render(model);
  }

  #show(instance: InstanceStatus, { usage }: Model): void {
    const { state, why, output } = instance;
    this.#state.show(shownState(state));
    setProse(this.#why, why ?? "");
    setText(this.#output, output.join("\n"));
    const samples = usage.get(this.name) ?? [];
    const last = samples.at(-1);
    this.#meters.replaceChildren(
      spark(
        "Memory",
        bytes(last?.memory ?? null),
        samples.map(({ memory }) => memory),
      ),
      spark(
        "CPU, of a core",
        percent(last?.cpu ?? null),
        samples.map(({ cpu }) => cpu),
      ),
      spark("Restarts by systemd", String(instance.restarts), []),
    );
    void this.#readMore(instance);
    const facts = factsOf(instance, this.#detail);
    if (this.#facts.dataset.shown === JSON.stringify(facts)) return; // what a person has selected stays selected
    this.#facts.dataset.shown = JSON.stringify(facts);
    this.#facts.replaceChildren(...facts.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]));
  }

  /** What is only told of one instance. */
  async #readMore({ state, pid, specHash }: InstanceStatus): Promise<void> {
    const key = JSON.stringify([state, pid, specHash]);
    if (this.#read === key) return;
    this.#read = key;
    try {
      this.#detail = await ask("instance", this.name);
      this.#store.changed();
    } catch (error) {
      if (!(error instanceof NotAnswered)) throw error; // the notice above says it
    }
  }

  #showEvents({ events }: Model): void {
    const own = events.filter(({ instance }) => instance === this.name);
    const key = own.at(-1)?.id ?? "none";
    if (this.#happened.dataset.shown === key) return;
    this.#happened.dataset.shown = key;
    const now = Date.now();
    const told = own.filter(({ kind }) => kind === "state" || kind === "blocked" || kind === "gone");
    const lane = laneOf(this.name, told, now - SPAN, now);
    const list = own
      .slice(-EVENTS_SHOWN)
      .reverse()
      .map((event) => eventOf(event, now));
    this.#happened.replaceChildren(
      ...(own.length === 0
        ? [h("p", { class: "empty" }, "Nothing has happened to it since the supervisor was started.")]
        : [laneChart(lane, now - SPAN, now), axis(SPAN), legend(), h("ol", { class: "events" }, ...list)]),
    );
  }
}

const panel = (title: string, ...content: Node[]): HTMLElement =>
  h(
    "section",
    { class: "panel", "aria-label": title },
    h("div", { class: "panel-head" }, h("h2", {}, title)),
    ...content,
  );

const eventOf = ({ at, severity, message }: SupervisorEvent, now: number): HTMLLIElement =>
  h(
    "li",
    { class: severity === "info" ? null : "bad" },
    timeOf(at, clock(at, now)),
    severity === "info" ? null : h("em", {}, severity),
    h("span", {}, message),
  );

/** Terms and what they are; what is not known has a dash. */
function factsOf(instance: InstanceStatus, detail: InstanceDetail | null): [string, string][] {
  const now = Date.now();
  const { policy, policyObserved, relaxations, since, pid } = instance;
  const own = detail?.name === instance.name ? detail : null;
  const egress = shownPolicy(policy, pid !== null);
  const text = (value: string | number | null | undefined): string =>
    value === null || value === undefined ? NOTHING : String(value);
  return [
    ["Listens on", endpoint(instance.listen)],
    ["opencode", text(instance.version)],
    ["In this state since", since === null ? NOTHING : `${clock(since, now)}, ${ago(since, now)}`],
    ["Last exit", text(instance.lastExit)],
    ["Egress", `${egress.word}: ${egress.title.toLowerCase()}`],
    ["Policy observed at work", policyObserved === null ? NOTHING : clock(policyObserved, now)],
    ["Relaxed", relaxations.length === 0 ? "nothing: the whole sandbox" : relaxations.join("\n")],
    ["Directory", text(instance.directory)],
    ["State", text(instance.stateDir)],
    ["User", text(instance.user)],
    ["Process", text(pid)],
    ["Tasks", text(own?.usage.tasks)],
    ["Sandbox exposure, 0 to 10", text(own?.exposure)],
    ["Files changed since it was started", (own?.filesChanged ?? []).join(", ") || "none"],
    ["Killed for want of memory", text(own?.usage.oomKills)],
    ["Unit", instance.unit],
    ["Configuration", text(instance.config)],
  ];
}
