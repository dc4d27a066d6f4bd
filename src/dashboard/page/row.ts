/**
 * One instance as a row of the table; on a narrow screen the cells say what they are by `data-label`, and the roles say that
 * it is still a table, though it is laid out as cards.
 */
import type { InstanceStatus } from "../../daemon/api/model.ts";
import { h, linkTo, setAttribute, setProse, setText } from "./dom.ts";
import { ago, bytes, endpoint, NOTHING, percent } from "./format.ts";
import { Mark } from "./mark.ts";
import { shownPolicy, shownState } from "./states.ts";
import type { Sample } from "./usage.ts";

const cell = (label: string, kind = ""): HTMLTableCellElement =>
  h("td", { role: "cell", "data-label": label, class: kind });

export class Row {
  readonly element: HTMLTableRowElement;
  readonly #state = new Mark();
  readonly #egress = new Mark();
  readonly #why = h("p", { class: "why" });
  readonly #since = h("time", { class: "since" });
  readonly #bar = h("span", { class: "bar" });
  readonly #memory = h("span");
  readonly #cells = {
    memory: cell("Memory", "number"),
    cpu: cell("CPU", "number"),
    restarts: cell("Restarts", "number"),
    egress: cell("Egress"),
    listen: cell("Listens on", "mono c-listens-on"),
    version: cell("opencode", "mono"),
  };

  constructor(name: string) {
    const state = h(
      "td",
      { role: "cell", "data-label": "State", class: "c-state" },
      this.#state.element,
      this.#since,
      this.#why,
    );
    this.#cells.egress.append(this.#egress.element);
    this.#cells.memory.append(this.#memory, this.#bar);
    const head = h("th", { role: "rowheader", scope: "row" }, linkTo(name));
    this.element = h("tr", { role: "row" }, head, state, ...Object.values(this.#cells));
  }

  /** `most`: the memory of the instance that has the most; the bar is a part of that. */
  show(instance: InstanceStatus, sample: Sample | undefined, most: number): void {
    const { state, why, since, restarts, version, policy, pid, listen } = instance;
    const shown = shownState(state);
    setAttribute(this.element, "data-tone", shown.tone);
    this.#state.show(shown);
    setText(this.#since, since === null ? "" : ago(since, Date.now()));
    setAttribute(this.#since, "datetime", since);
    setProse(this.#why, why ?? "");
    const memory = sample?.memory ?? null;
    setText(this.#memory, bytes(memory));
    this.#bar.hidden = memory === null;
    this.#bar.style.setProperty("--share", String((memory ?? 0) / most));
    setText(this.#cells.cpu, percent(sample?.cpu ?? null));
    setText(this.#cells.restarts, String(restarts));
    const egress = shownPolicy(policy, pid !== null);
    this.#egress.show(egress);
    setAttribute(this.#egress.element, "title", egress.title);
    setText(this.#cells.listen, endpoint(listen));
    setText(this.#cells.version, version ?? NOTHING);
  }
}
