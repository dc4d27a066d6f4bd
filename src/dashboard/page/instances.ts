/** The table of instances. Rows are drawn one at a time, so that hundreds never hold the page up, and changed in place. */
import { button, h, setAttribute } from "./dom.ts";
import { type Column, type Listing, listed } from "./listing.ts";
import type { Model } from "./model.ts";
import { Row } from "./row.ts";
import type { Steps, Store } from "./store.ts";

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

export class InstanceTable {
  readonly element = h("div");
  readonly #store: Store;
  readonly #rows = new Map<string, Row>();
  readonly #body = h("tbody");
  readonly #table: HTMLTableElement;
  readonly #empty = h("p", { class: "empty" });
  readonly #heads = new Map<Column, HTMLTableCellElement>();
  #listing: Listing = { column: "state", descending: false, text: "", tone: null };

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

  *render({ instances, usage, link }: Model): Steps {
    const latest = (name: string) => usage.get(name)?.at(-1);
    const shown = listed(instances ?? [], this.#listing, latest);
    for (const [column, head] of this.#heads) setAttribute(head, "aria-sort", this.#sorted(column));
    setAttribute(this.#table, "hidden", shown.length === 0);
    setAttribute(this.#empty, "hidden", shown.length > 0);
    if (shown.length === 0) this.#say(instances, link);
    const most = Math.max(1, ...[...usage.values()].map((samples) => samples.at(-1)?.memory ?? 0));
    let next = this.#body.firstChild;
    for (const instance of shown) {
      const row = this.#row(instance.name);
      row.show(instance, latest(instance.name), most);
      if (row.element === next) next = next.nextSibling;
      else this.#body.insertBefore(row.element, next);
      yield;
    }
    this.#forget(next, new Set((instances ?? []).map(({ name }) => name)));
  }

  #row(name: string): Row {
    const row = this.#rows.get(name) ?? new Row(name);
    this.#rows.set(name, row);
    return row;
  }

  /** Takes away what is not listed, from `first` on; rows of instances that are filtered out are kept. */
  #forget(first: ChildNode | null, known: ReadonlySet<string>): void {
    for (let next = first; next !== null; ) {
      const after: ChildNode | null = next.nextSibling;
      next.remove();
      next = after;
    }
    for (const name of this.#rows.keys()) if (!known.has(name)) this.#rows.delete(name);
  }

  #say(instances: Model["instances"], link: Model["link"]): void {
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
