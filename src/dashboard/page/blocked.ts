/** What was refused: each destination with when it was met, and the line that allows it. */
import type { SupervisorEvent } from "../../daemon/events/model.ts";
import type { BlockedDestination, BlockedReport } from "../model.ts";
import { copyButton } from "./copy.ts";
import { button, h, linkTo, replaceAll, setAttribute, svg, timeOf } from "./dom.ts";
import { ago, clock, count } from "./format.ts";
import type { Model } from "./model.ts";
import type { Steps, Store } from "./store.ts";

/** How the line that allows it is written. */
type Form = "nix" | "json";
const FORMS: Readonly<Record<Form, string>> = { nix: "Nix", json: "JSON" };
const FEW = 20;
const TIMES_MOST = 60;
const DAY = 24 * 3_600_000;

interface Refused {
  readonly report: BlockedReport;
  readonly destination: BlockedDestination;
}

/** Which form is shown, for all lists of the page. */
export class Forms {
  readonly element: HTMLElement;
  readonly #buttons: readonly (readonly [Form, HTMLButtonElement])[];
  #form: Form = "nix";

  constructor(element: HTMLElement, store: Store) {
    this.element = element;
    const make = (form: Form): readonly [Form, HTMLButtonElement] => [
      form,
      button({ "aria-pressed": "false" }, () => this.#choose(form, store), FORMS[form]),
    ];
    this.#buttons = [make("nix"), make("json")];
    this.element.append(...this.#buttons.map(([, each]) => each));
    this.#choose("nix", store);
  }

  get form(): Form {
    return this.#form;
  }

  #choose(form: Form, store: Store): void {
    this.#form = form;
    for (const [each, element] of this.#buttons)
      setAttribute(element, "aria-pressed", each === form ? "true" : "false");
    store.changed();
  }
}

export class Blocked {
  readonly element = h("div");
  readonly #store: Store;
  readonly #forms: Forms;
  /** Of one instance; null for all. */
  readonly #name: string | null;
  #isAll = false;
  #drawn: readonly unknown[] = [];

  constructor(store: Store, forms: Forms, name: string | null = null) {
    this.#store = store;
    this.#forms = forms;
    this.#name = name;
  }

  *render({ blocked, events }: Model): Steps {
    const told = events.filter(({ kind }) => kind === "refused");
    const wanted = [blocked, this.#forms.form, this.#isAll, told.at(-1)?.id];
    if (blocked === null || wanted.every((each, index) => each === this.#drawn[index])) return;
    this.#drawn = wanted;
    const reports = blocked.filter(({ name }) => this.#name === null || name === this.#name);
    const all = reports
      .flatMap((report) => report.destinations.map((destination) => ({ report, destination })))
      .filter(({ destination }) => !destination.muted)
      .sort((a, b) => (a.destination.last < b.destination.last ? 1 : -1));
    const shown = this.#isAll ? all : all.slice(0, FEW);
    const now = Date.now();
    const since = Math.max(now - DAY, Math.min(...all.map(({ destination }) => Date.parse(destination.first))));
    const entries: Node[] = [];
    for (const refused of shown) {
      yield;
      entries.push(this.#entry(refused, timesOf(refused, told), since, now));
    }
    const list =
      all.length === 0 ? h("p", { class: "empty" }, this.#nothing()) : h("ul", { class: "destinations" }, ...entries);
    const more = shown.length < all.length ? [this.#more(all.length - shown.length)] : [];
    replaceAll(this.element, list, ...more, ...reports.flatMap(footnotes));
  }

  #more = (many: number): HTMLButtonElement =>
    button({ class: "plain" }, () => this.#showAll(), `Show ${count(many, "more destination")}`);

  #entry({ report, destination }: Refused, times: readonly string[], since: number, now: number): HTMLLIElement {
    const { text, packets, first, last, lines } = destination;
    const verb = report.mode === "audit" ? "recorded, and let through" : "refused";
    const line = lines?.[this.#forms.form] ?? null;
    return h(
      "li",
      {},
      h(
        "p",
        { class: "where" },
        h("strong", { class: "mono" }, text),
        this.#name === null ? linkTo(report.name) : null,
      ),
      h(
        "p",
        { class: "quiet" },
        `${count(packets, "packet")} ${verb}; first ${clock(first, now)}, last `,
        timeOf(last, ago(last, now)),
      ),
      spanChart(destination, times, since, now),
      line === null
        ? h("p", { class: "quiet" }, "No line of networkIsolation allows this one.")
        : h("p", { class: "line" }, h("code", {}, ...breakable(line)), copyButton(line, `Copy what allows ${text}`)),
    );
  }

  #showAll(): void {
    this.#isAll = true;
    this.#store.changed();
  }

  #nothing(): string {
    return this.#name === null
      ? "Nothing was blocked. When an instance tries what it may not reach, it shows here, with the line that would allow it."
      : "It was refused nothing, or has no network policy in force.";
  }
}

/** A long line breaks at its dots first. */
const breakable = (line: string): Node[] =>
  line.split(/(?<=\.)(?=[a-z])/i).flatMap((part) => [document.createTextNode(part), h("wbr")]);

/** When the events tell of it: each time it was met anew, and every summary. */
const timesOf = ({ report, destination }: Refused, told: readonly SupervisorEvent[]): string[] =>
  told
    .filter(({ instance, fields }) => instance === report.name && fields.destination === destination.address)
    .filter(({ fields }) => fields.port === destination.port && fields.protocol === destination.protocol)
    .slice(-TIMES_MOST)
    .map(({ fields, at }) => String(fields.last_seen ?? at));

/** From when to when it was met, and the times between; the left edge is the first of all, the right one now. */
function spanChart(
  { first, last }: BlockedDestination,
  times: readonly string[],
  since: number,
  now: number,
): SVGSVGElement {
  const share = (iso: string): number => Math.min(1, Math.max(0, (Date.parse(iso) - since) / Math.max(1, now - since)));
  const [from, to] = [share(first), share(last)];
  const percent = (value: number): string => `${(value * 100).toFixed(2)}%`;
  return svg(
    "svg",
    { class: "spans", height: 10, "aria-hidden": "true" },
    svg("rect", { class: "rail", x: 0, y: 4.5, width: "100%", height: 1 }),
    svg("rect", { class: "met", x: percent(from), y: 3, width: percent(to - from), height: 4, rx: 2 }),
    ...[first, ...times, last].map((at) => svg("circle", { class: "met", cx: percent(share(at)), cy: 5, r: 3.5 })),
  );
}

function footnotes({ name, mode, further, observed, destinations }: BlockedReport): Node[] {
  const notes = [
    further > 0 ? `${name}: ${count(further, "packet")} more, to destinations that are not listed.` : null,
    mode === "audit" ? `${name} is in audit mode: nothing is refused, only recorded.` : null,
    observed === null && destinations.length > 0 ? `${name}: its policy has not been observed at work yet.` : null,
  ];
  return notes.flatMap((note) => (note === null ? [] : [h("p", { class: "quiet note" }, note)]));
}
