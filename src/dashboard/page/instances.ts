/** The table of instances. Rows are made a few at a time, so that hundreds never hold the page up, and changed in place. */
import type { InstanceStatus } from "../../daemon/api/model.ts";
import { button, h, setAttribute } from "./dom.ts";
import { type Column, type Listing, listed } from "./listing.ts";
import type { Model } from "./model.ts";
import { Row } from "./row.ts";
import type { Store } from "./store.ts";

const COLUMNS: readonly (readonly [title: string, column: Column | null])[] = [
  ["Instance", "name"],
  ["State", "state"],
  ["Memory", "memory"],
  ["CPU", "cpu"],
  ["Restarts", "restarts"],
  ["Egress", null],
  ["Listens on", null],
  ["opencode", null],
];
/** Milliseconds of a frame that may go into making rows. */
const BUDGET_MS = 4;

export class InstanceTable {
  readonly element = h("div");
  readonly #store: Store;
  readonly #rows = new Map<string, Row>();
  readonly #body = h("tbody");
  readonly #table: HTMLTableElement;
  readonly #empty = h("p", { class: "empty" });
  readonly #heads = new Map<Column, HTMLTableCellElement>();
  #listing: Listing = { column: "state", descending: false, text: "", tone: null };
  #shown: readonly InstanceStatus[] = [];

  constructor(store: Store) {
    this.#store = store;
    const heads = COLUMNS.map(([title, column]) => this.#head(title, column));
    this.#table = h("table", { role: "table", class: "instances" }, h("thead", {}, h("tr", {}, ...heads)), this.#body);
    this.element.append(this.#table, this.#empty);
  }

  /** What is listed, and how, from now on. */
  list(part: Partial<Listing>): void {
    this.#listing = { ...this.#listing, ...part };
    this.#store.changed();
  }

  get tone(): Listing["tone"] {
    return this.#listing.tone;
  }

  render({ instances, usage, link }: Model): void {
    const latest = (name: string) => usage.get(name)?.at(-1);
    this.#shown = listed(instances ?? [], this.#listing, latest);
    for (const [column, head] of this.#heads) setAttribute(head, "aria-sort", this.#sorted(column));
    const most = Math.max(1, ...[...usage.values()].map((samples) => samples.at(-1)?.memory ?? 0));
    for (const instance of this.#shown) this.#rows.get(instance.name)?.show(instance, latest(instance.name), most);
    this.#place(most);
    setAttribute(this.#table, "hidden", this.#shown.length === 0);
    this.#say(instances, link);
  }

  /** Puts rows in their order, and makes those that are missing as far as this frame goes. */
  #place(most: number): void {
    const until = performance.now() + BUDGET_MS;
    const { usage } = this.#store.model;
    let next: Node | null = this.#body.firstChild;
    for (const instance of this.#shown) {
      let row = this.#rows.get(instance.name);
      if (row === undefined) {
        if (performance.now() > until) break; // the next frame goes on
        row = new Row(instance.name);
        row.show(instance, usage.get(instance.name)?.at(-1), most);
        this.#rows.set(instance.name, row);
      }
      if (row.element === next) next = next.nextSibling;
      else this.#body.insertBefore(row.element, next);
    }
    const isWhole = this.#shown.every(({ name }) => this.#rows.has(name));
    if (!isWhole) this.#store.changed();
    while (next !== null) {
      const after: Node | null = next.nextSibling;
      next.parentNode?.removeChild(next);
      next = after;
    }
    const known = new Set((this.#store.model.instances ?? []).map(({ name }) => name));
    for (const name of this.#rows.keys()) if (!known.has(name)) this.#rows.delete(name);
  }

  #say(instances: Model["instances"], link: Model["link"]): void {
    setAttribute(this.#empty, "hidden", this.#shown.length > 0);
    if (this.#shown.length > 0) return;
    const nothing =
      instances === null
        ? [link === "connecting" ? "Asking the supervisor…" : "Nothing is known yet: the supervisor has not answered."]
        : instances.length > 0
          ? ["No instance is like that. Take the filter away to see all of them."]
          : [
              "There are no instances yet. Add one to ",
              h("code", {}, "services.opencode.instances"),
              " on NixOS, or to ",
              h("code", {}, "/etc/opencode/instances.json"),
              ": it shows here as soon as the supervisor has taken it in.",
            ];
    this.#empty.replaceChildren(...nothing);
  }

  #head(title: string, column: Column | null): HTMLTableCellElement {
    const attributes = { role: "columnheader", scope: "col", class: `c-${title.toLowerCase().replaceAll(" ", "-")}` };
    if (column === null) return h("th", attributes, title);
    const head = h(
      "th",
      attributes,
      button({ class: "sort" }, () => this.#sortBy(column), title),
    );
    this.#heads.set(column, head);
    return head;
  }

  /** Again turns it round; numbers begin with the largest. */
  #sortBy(column: Column): void {
    const isSame = this.#listing.column === column;
    const isNumber = column !== "name" && column !== "state";
    this.list({ column, descending: isSame ? !this.#listing.descending : isNumber });
  }

  #sorted(column: Column): string | null {
    if (this.#listing.column !== column) return null;
    return this.#listing.descending ? "descending" : "ascending";
  }
}
